"""Agents that do not belong to the cluster, for tests that keys, certificates and tokens keep such agents out."""

import json
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests.support.consul import Consul, client_names, server_names, wait_for
from tests.support.pods import pod, running
from tests.support.settings import E2E_NAMESPACE

JOIN = f"consul.{E2E_NAMESPACE}.svc"


@contextmanager
def agent(
    consul: Consul, name: str, config: dict[str, Any], ca: str, more: Mapping[str, str] | None = None
) -> Generator[None]:
    """Run a foreign client agent in a pod whose labels make NetworkPolicies treat it as an agent of the cluster.

    Its files are in /stranger: the configuration, `ca.pem`, and `more`.
    """
    files = {
        "client.json": json.dumps({"data_dir": "/consul/data", "retry_join": [JOIN], "retry_interval": "1s"} | config),
        "ca.pem": ca,
        **(more or {}),
    }
    stranger = pod(
        name,
        ["consul", "agent", "-config-dir=/stranger"],
        labels={"app.kubernetes.io/name": "consul", "app.kubernetes.io/instance": "consul"},
        volumes={"/stranger": {"configMap": {"name": name}}, "/consul/data": {"emptyDir": {}}},
    )
    with running(
        consul, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files}, stranger
    ):
        yield


def member(consul: Consul, name: str, gossip_key: str, ca: str) -> AbstractContextManager[None]:
    """Run a foreign agent that has all that it needs to join, if the gossip key and the CA are those of the cluster."""
    return agent(consul, name, {"encrypt": gossip_key} | tls_config() | acl(consul.token), ca)


def tls_config() -> dict[str, Any]:
    """Return the TLS configuration of the cluster's own clients."""
    return {"auto_encrypt": {"tls": True}, "tls": _tls()}


def static_tls_config() -> dict[str, Any]:
    """Return the TLS configuration of a client with a certificate of its own, in client.pem and client-key.pem."""
    return {"tls": _tls(cert_file="/stranger/client.pem", key_file="/stranger/client-key.pem")}


def _tls(**files: str) -> dict[str, Any]:
    return {
        "defaults": {"ca_file": "/stranger/ca.pem", "verify_outgoing": True} | files,
        "internal_rpc": {"verify_server_hostname": True},
    }


def acl(token: str) -> dict[str, Any]:
    """Return the configuration that gives an agent a token."""
    return {"acl": {"enabled": True, "tokens": {"agent": token}}}


def forget(consul: Consul, name: str) -> None:
    """Make all agents forget a stranger that has ended.

    An agent that learns only afterwards that the stranger has left would list it for days. An agent that has forgotten
    it tells nobody to do so.
    """

    def forgotten() -> bool:
        agents = [
            agent
            for agent in server_names(3) | client_names(3)
            if any(member.name == name for member in consul.members(agent))
        ]
        for agent in agents:
            consul.consul("force-leave", "-prune", name, pod=agent, check=False)
        return not agents

    # Serf blocks for some seconds when a member that is alive is forced to leave.
    wait_for(f"the failure of {name}", lambda: name not in consul.alive())
    wait_for(f"the end of {name} in every agent's list", forgotten)
