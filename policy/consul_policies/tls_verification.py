"""Policy tls-verification: agents and their callers verify certificates.

https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file/tls
"""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from .agent_files import AgentConfig, agent_config
from .clusters import clusters
from .pods import containers
from .resources import Resource, Violation
from .values import UNKNOWN, dig, plain, sequence

_VERSIONS = ("TLSv1_2", "TLSv1_3")

# The strings that Go's strconv.ParseBool reads as false.
_FALSE = ("0", "f", "F", "false", "False", "FALSE")


def unverified_tls(stack: Sequence[Resource]) -> Iterator[Violation]:
    """Yield agents and callers that do not verify certificates, and agents whose plain HTTP others can reach."""
    for cluster in clusters(stack):
        servers = cluster.servers
        for agents in cluster.agents:
            config = agent_config(cluster, agents)
            if config.known:
                yield from _unverified(config, server=agents in servers)
                yield from _old_versions(config)
                yield from _plain_http(config)
    for resource in stack:
        yield from _unverifying_callers(resource)


def _unverified(config: AgentConfig, *, server: bool) -> Iterator[Violation]:
    switches = ["verify_outgoing", "verify_server_hostname", *(["verify_incoming"] if server else [])]
    for switch in switches:
        value = config.get("tls", "internal_rpc", switch)
        if value is None and switch != "verify_server_hostname":
            value = config.get("tls", "defaults", switch)
        if value is not True and value is not UNKNOWN:
            impersonated = "an agent" if switch == "verify_incoming" else "a server"
            section = "defaults" if switch == "verify_outgoing" else "internal_rpc"
            yield Violation(
                config.source("tls", section, switch),
                f"tls.{section}.{switch} is {'missing' if value is None else str(value).lower()} for {config.agents}",
                "true",
                f"Set it: without it, anyone in the network can impersonate {impersonated}.",
            )


def _old_versions(config: AgentConfig) -> Iterator[Violation]:
    for section in ("defaults", "internal_rpc", "https", "grpc"):
        version = config.get("tls", section, "tls_min_version")
        if version is not None and version is not UNKNOWN and version not in _VERSIONS:
            yield Violation(
                config.source("tls", section, "tls_min_version"),
                f"tls.{section}.tls_min_version is {version} for {config.agents}",
                " or ".join(_VERSIONS),
                "Remove it to use Consul's default, TLSv1_2.",
            )


def _plain_http(config: AgentConfig) -> Iterator[Violation]:
    port = config.argument("http-port") or config.get("ports", "http")
    if port is UNKNOWN or str(port).startswith(("-", "0")):
        return
    setting = ("addresses", "http")
    address = config.get(*setting)
    if address is None:
        setting = ("client_addr",)
        address = config.argument("client") or config.get(*setting) or "127.0.0.1"
    if isinstance(address, str) and not all(_loopback(part) for part in address.split()):
        yield Violation(
            config.source(*setting),
            f"plain HTTP is on {address} for {config.agents}",
            "addresses.http on the loopback (127.0.0.1), or ports.http -1",
            "Have others call the HTTPS port instead: ports.https.",
        )


def _loopback(address: str) -> bool:
    """Return whether only the pod itself can reach an address.

    A go-sockaddr template, such as `{{ GetPrivateIP }}`, counts as an address that others can reach.
    """
    try:
        return address.startswith("unix://") or address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _unverifying_callers(resource: Resource) -> Iterator[Violation]:
    for container in containers(resource):
        for variable in sequence(dig(container.properties, "env")):
            value: Any = plain(dig(variable, "value"))
            if dig(variable, "name") == "CONSUL_HTTP_SSL_VERIFY" and str(value) in _FALSE:
                yield Violation(
                    resource,
                    f"CONSUL_HTTP_SSL_VERIFY of container {container.name} is {value}",
                    "true, or not set",
                    "Mount the CA certificate, and set CONSUL_CACERT to its path instead.",
                )
