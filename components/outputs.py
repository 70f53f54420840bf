"""The outputs of a cluster. Other programs rely on them, so a published name never changes.

Each output is a field here and a value in ConsulCluster. docs/outputs.md, docs/outputs-contract.json and the
plugin's schema are derived from the fields (`make docs` writes the files).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import pulumi
from pydantic.alias_generators import to_camel


def _public(description: str) -> Mapping[str, Any]:
    return {"description": description, "secret": False}


def _secret(description: str) -> Mapping[str, Any]:
    return {"description": description, "secret": True}


# No eq and no repr: ConsulCluster inherits from this class, and resources are compared by identity.
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Outputs:
    """The outputs of a cluster; some are null, depending on the settings."""

    namespace: pulumi.Output[str] = field(metadata=_public("The cluster's namespace."))
    datacenter: str = field(metadata=_public("The Consul datacenter."))
    domain: str = field(metadata=_public("The DNS domain that Consul serves."))
    image: str = field(metadata=_public("The Consul image."))
    server_hosts: list[str] = field(metadata=_public("The servers' DNS names inside Kubernetes."))
    client_hosts: list[str] = field(metadata=_public("The clients' DNS names inside Kubernetes."))
    https_address: str = field(
        metadata=_public(
            "The servers' API and UI, for callers that the NetworkPolicies allow: "
            "`https://consul-ui.<namespace>.svc:8501`."
        )
    )
    client_address: str = field(
        metadata=_public(
            "The clients' API, reachable from `clientNamespaces`: `https://consul-client.<namespace>.svc:8501`."
        )
    )
    dns_address: pulumi.Output[str] = field(metadata=_public("Consul's DNS inside Kubernetes, `address:53`."))
    ca_certificate: pulumi.Output[str] = field(metadata=_public("The CA certificate, PEM."))
    server_certificate_expiry: pulumi.Output[str] = field(
        metadata=_public("When the servers' certificate expires, RFC 3339.")
    )
    secret_name: pulumi.Output[str] = field(
        metadata=_public("The Secret with `ca.pem`, `consul.pem`, `consul-key.pem`, `gossip-encryption-key`.")
    )
    config_map_name: pulumi.Output[str] = field(metadata=_public("The ConfigMap with `server.json` and `client.json`."))
    gossip_key: pulumi.Output[str] = field(metadata=_secret("The gossip key, 32 bytes in base64."))
    management_token: pulumi.Output[str | None] = field(
        metadata=_secret("The token that may do everything; null without ACLs.")
    )
    metrics_token: pulumi.Output[str | None] = field(
        metadata=_secret("The token that may read the agents' metrics; null without ACLs.")
    )
    service_tokens: pulumi.Output[dict[str, str]] = field(
        metadata=_secret("The token of each service in the setting `serviceTokens`, by the service's name.")
    )
    ui_url: str | None = field(
        metadata=_public("The URL of the UI through the Ingress; null without an Ingress, so always in production.")
    )

    def outputs(self) -> dict[str, pulumi.Input[object]]:
        """Return the outputs by their names in the stack, in camelCase."""
        return {to_camel(each.name): getattr(self, each.name) for each in fields(Outputs)}


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
    return [OutputSpec(to_camel(each.name), *_type(hints[each.name]), **each.metadata) for each in fields(Outputs)]


def _type(hint: Any) -> tuple[str, bool]:
    """Return the output type for a type hint such as `Output[str | None]`, and whether the value may be None."""
    if get_origin(hint) is pulumi.Output:
        (hint,) = get_args(hint)
    nullable = NoneType in get_args(hint)
    if nullable:
        (hint,) = [each for each in get_args(hint) if each is not NoneType]
    return _TYPES[hint], nullable
