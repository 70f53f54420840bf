"""Find the Consul clusters of a stack in its state. Pure.

The state contains every ConsulCluster of the stack, even if the stack exports nothing. Names, namespaces and CA
certificates are not secret in the state, and its secrets stay encrypted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.identity import COMPONENT_TYPE
from components.naming import Naming
from operations.commands import OperationError

# The CA is the only resource of this type in a ConsulCluster.
_CA_TYPE = "tls:index/selfSignedCert:SelfSignedCert"


@dataclass(frozen=True)
class RecordedCluster:
    """A ConsulCluster of a stack's state; `ca_certificate` is PEM, or None if the stack has not created it yet."""

    naming: Naming
    ca_certificate: str | None

    def __str__(self) -> str:
        """Return the cluster's name and namespace, for messages."""
        return f"{self.naming.name} in the namespace {self.naming.namespace}"


def clusters(exported: Mapping[str, Any]) -> Iterator[RecordedCluster]:
    """Yield the clusters in what `pulumi stack export` prints."""
    recorded: list[dict[str, Any]] = exported["deployment"].get("resources") or []
    # A replaced resource that Pulumi has not deleted yet has the same URN as the new resource.
    resources = [resource for resource in recorded if not resource.get("delete")]
    certificates = {
        resource.get("parent"): resource["outputs"]["certPem"] for resource in resources if resource["type"] == _CA_TYPE
    }
    for resource in resources:
        if resource["type"] == COMPONENT_TYPE:
            # A URN ends in the resource's name, https://www.pulumi.com/docs/iac/concepts/resources/names/#urns
            name = resource["urn"].rpartition("::")[2]
            yield RecordedCluster(Naming(name, resource["inputs"]["namespace"]), certificates.get(resource["urn"]))


def choose(
    stack: str, found: Sequence[RecordedCluster], component: str | None, namespace: str | None
) -> RecordedCluster:
    """Return the only cluster of a stack with this name and this namespace; None matches any.

    Raises OperationError if no cluster or several clusters match.
    """
    if not found:
        raise OperationError(
            f"Stack {stack} has no Consul cluster: create it with pulumi up --stack {stack}, or name another stack"
        )
    matching = [
        cluster
        for cluster in found
        if component in (None, cluster.naming.name) and namespace in (None, cluster.naming.namespace)
    ]
    if len(matching) == 1:
        return matching[0]
    problem = "several Consul clusters match" if matching else "no Consul cluster matches"
    raise OperationError(
        f"In stack {stack}, {problem}: choose one with --component and --namespace. The stack has "
        f"{'; '.join(sorted(map(str, found)))}"
    )
