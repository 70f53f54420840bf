"""The outputs of a cluster. Other programs rely on them, so a published name never changes.

Each output is one field here: its type, its description, whether it is a secret, and how to compute its value.
docs/outputs.md, docs/outputs-contract.json and the plugin's schema are derived from the fields (`make docs` writes the
files).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import pulumi
from pulumi_kubernetes.core.v1.outputs import ServiceSpec
from pydantic.alias_generators import to_camel

from components.acl.tokens import MANAGEMENT, METRICS, service_tokens
from components.agents.agent_config import HTTPS_PORT
from components.agents.agent_files import AgentFiles
from components.cluster import Cluster
from components.naming import Naming
from components.network.services import Services
from components.settings import Settings
from components.trust.authority import Authority
from components.trust.keys import Keys


@dataclass(frozen=True)
class Parts:
    """The parts of a declared cluster, from which the outputs are computed.

    `issued` are the secret IDs of the ACL tokens by token name, or None without ACLs.
    """

    cluster: Cluster
    keys: Keys
    authority: Authority
    files: AgentFiles
    services: Services
    issued: pulumi.Output[dict[str, str]] | None

    def token(self, name: str) -> pulumi.Output[str | None]:
        """Return a token by its name, or null without ACLs."""
        return self._tokens.apply(lambda by_name: by_name.get(name))

    def service_tokens(self) -> pulumi.Output[dict[str, str]]:
        """Return the token of each service's first entry in the setting `serviceTokens`, by the service's name."""
        # Reversed, because the last of several entries with the same key wins.
        declared = list(service_tokens(self.cluster.settings))
        return self._tokens.apply(lambda by_name: {token.service: by_name[token.name] for token in reversed(declared)})

    @cached_property
    def _tokens(self) -> pulumi.Output[dict[str, str]]:
        return self.issued if self.issued is not None else pulumi.Output.secret({})


def _public(description: str, value: Callable[[Parts], object]) -> Mapping[str, Any]:
    return {"description": description, "secret": False, "value": value}


def _secret(description: str, value: Callable[[Parts], object]) -> Mapping[str, Any]:
    return {"description": description, "secret": True, "value": value}


def _servers(parts: Parts) -> list[str]:
    naming, replicas = parts.cluster.naming, parts.cluster.settings.server_replicas
    return [f"{pod}.{naming.host(naming.name)}" for pod in naming.servers(replicas)]


def _clients(parts: Parts) -> list[str]:
    naming, replicas = parts.cluster.naming, parts.cluster.settings.client_replicas
    return [f"{pod}.{naming.host(naming.clients)}" for pod in naming.client_pods(replicas)]


def _api(naming: Naming, service: str) -> str:
    return f"https://{naming.host(service)}:{HTTPS_PORT}"


def _dns(service: ServiceSpec) -> str:
    """Return the DNS Service's address. Kubernetes assigns it, so it is unknown in the preview of a new cluster."""
    return f"{service.cluster_ip or '(assigned by Kubernetes)'}:53"


def _ui(settings: Settings) -> str | None:
    if not settings.ingress_enabled:
        return None
    port = "" if settings.ingress_port == 443 else f":{settings.ingress_port}"
    return f"https://{settings.ingress_host}{port}"


# No eq and no repr: ConsulCluster inherits from this class, and resources are compared by identity.
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Outputs:
    """The outputs of a cluster; some are null, depending on the settings."""

    namespace: pulumi.Output[str] = field(metadata=_public("The cluster's namespace.", lambda of: of.cluster.namespace))
    datacenter: str = field(metadata=_public("The Consul datacenter.", lambda of: of.cluster.settings.datacenter))
    domain: str = field(metadata=_public("The DNS domain that Consul serves.", lambda of: of.cluster.settings.domain))
    image: str = field(metadata=_public("The Consul image.", lambda of: of.cluster.settings.image))
    server_hosts: list[str] = field(metadata=_public("The servers' DNS names inside Kubernetes.", _servers))
    client_hosts: list[str] = field(metadata=_public("The clients' DNS names inside Kubernetes.", _clients))
    https_address: str = field(
        metadata=_public(
            "The servers' API and UI, for callers that the NetworkPolicies allow: `https://consul-ui.<namespace>.svc:8501`.",
            lambda of: _api(of.cluster.naming, of.cluster.naming.ui_service),
        )
    )
    client_address: str = field(
        metadata=_public(
            "The clients' API, reachable from `clientNamespaces`: `https://consul-client.<namespace>.svc:8501`.",
            lambda of: _api(of.cluster.naming, of.cluster.naming.clients),
        )
    )
    dns_address: pulumi.Output[str] = field(
        metadata=_public("Consul's DNS inside Kubernetes, `address:53`.", lambda of: of.services.dns.spec.apply(_dns))
    )
    ca_certificate: pulumi.Output[str] = field(
        metadata=_public(
            "The CA certificate, PEM; during a CA rotation, two certificates, one after the other.",
            lambda of: of.authority.certificates,
        )
    )
    server_certificate_expiry: pulumi.Output[str] = field(
        metadata=_public(
            "When the servers' certificate expires, RFC 3339.", lambda of: of.files.server_certificate.expiry
        )
    )
    secret_name: pulumi.Output[str] = field(
        metadata=_public(
            "The Secret with `ca.pem`, `consul.pem`, `consul-key.pem`, `gossip-encryption-key`.",
            lambda of: of.files.server_secret,
        )
    )
    config_map_name: pulumi.Output[str] = field(
        metadata=_public(
            "The ConfigMap with `server.json` and `client.json`.", lambda of: of.files.config.metadata.name
        )
    )
    gossip_key: pulumi.Output[str] = field(
        metadata=_secret("The primary gossip key, 32 bytes in base64.", lambda of: of.keys.primary_gossip_key)
    )
    management_token: pulumi.Output[str | None] = field(
        metadata=_secret("The token that may do everything; null without ACLs.", lambda of: of.token(MANAGEMENT))
    )
    metrics_token: pulumi.Output[str | None] = field(
        metadata=_secret(
            "The token that may read the agents' metrics; null without ACLs.", lambda of: of.token(METRICS)
        )
    )
    service_tokens: pulumi.Output[dict[str, str]] = field(
        metadata=_secret(
            "The token of each service in the setting `serviceTokens`, by the service's name.", Parts.service_tokens
        )
    )
    ui_url: str | None = field(
        metadata=_public(
            "The URL of the UI through the Ingress; null without an Ingress, so always in production.",
            lambda of: _ui(of.cluster.settings),
        )
    )

    def outputs(self) -> dict[str, pulumi.Input[object]]:
        """Return the outputs by their names in the stack, in camelCase."""
        return {to_camel(each.name): getattr(self, each.name) for each in fields(Outputs)}


def output_values(parts: Parts) -> dict[str, Any]:
    """Return the outputs of a declared cluster by the names of their fields."""
    return {each.name: each.metadata["value"](parts) for each in fields(Outputs)}


class OutputSpec(NamedTuple):
    """The declaration of an output, on which other programs rely."""

    name: str
    type: str
    """`string`, `list of strings` or `map of strings`."""
    nullable: bool
    secret: bool
    description: str


_TYPES: dict[object, str] = {str: "string", list[str]: "list of strings", dict[str, str]: "map of strings"}


def output_specs() -> list[OutputSpec]:
    """Return the declaration of each output, in the order of the fields."""
    hints = get_type_hints(Outputs)
    return [
        OutputSpec(to_camel(each.name), *_type(hints[each.name]), each.metadata["secret"], each.metadata["description"])
        for each in fields(Outputs)
    ]


def _type(hint: Any) -> tuple[str, bool]:
    """Return the output type for a type hint such as `Output[str | None]`, and whether the value may be None."""
    if get_origin(hint) is pulumi.Output:
        (hint,) = get_args(hint)
    nullable = NoneType in get_args(hint)
    if nullable:
        (hint,) = [each for each in get_args(hint) if each is not NoneType]
    return _TYPES[hint], nullable
