"""Find the Consul clusters of a stack in its state.

The state contains every ConsulCluster of the stack, even if the stack exports nothing. Names, namespaces and CA
certificates are not secret in the state, and its secrets stay encrypted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.changes import mark
from components.identity import COMPONENT_TYPE
from components.naming import Naming
from components.trust.generations import generations
from operations.commands import OperationError, run

# The CAs are the only resources of this type in a ConsulCluster.
_CA_TYPE = "tls:index/selfSignedCert:SelfSignedCert"

_STASH_TYPE = "pulumi:index:Stash"


@dataclass(frozen=True)
class RecordedCluster:
    """A ConsulCluster of a stack's state.

    `ca_certificates` has the PEM of each generation in `caKeys` by the resource's name; it is empty if the stack has
    not created them yet.
    `stashes` has the values that the stack keeps for its next update (components.changes.history), by name.
    """

    naming: Naming
    ca_certificates: Mapping[str, str]
    stashes: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def record(self) -> Mapping[str, Any]:
        """Return the settings and the keys' fingerprints of the last update; empty before the first one."""
        return self.stashes.get(self.naming.name, {})

    @property
    def confirmed(self) -> Mapping[str, Any]:
        """Return what the last successful update confirmed of every agent (components.changes.mark)."""
        return mark.confirmed(self.stashes.get(f"{self.naming.name}{mark.SUFFIX}"))

    def generations(self, setting: str) -> list[int]:
        """Return the generations of a key, by its setting, that the last successful update confirmed of every agent."""
        return generations(self.confirmed)[setting]

    @property
    def clients_may_trust_removed_cas(self) -> bool:
        """Return whether the running clients may still trust a CA that was removed."""
        return bool(self.confirmed["clientsRestartedFor"] != self.confirmed["removedCas"])

    def __str__(self) -> str:
        """Return the cluster's name and namespace, for messages."""
        return f"{self.naming.name} in the namespace {self.naming.namespace}"


def clusters(exported: Mapping[str, Any]) -> Iterator[RecordedCluster]:
    """Yield the clusters in what `pulumi stack export` prints."""
    recorded: list[dict[str, Any]] = exported["deployment"].get("resources") or []
    # A replaced resource that Pulumi has not deleted yet has the same URN as the new resource.
    resources = [resource for resource in recorded if not resource.get("delete")]
    for resource in resources:
        if resource["type"] == COMPONENT_TYPE:
            urn = resource["urn"]
            naming = Naming(_name(urn), resource["inputs"]["namespace"])
            stashes = {
                _name(child["urn"]): child["outputs"]["input"]
                for child in resources
                if child["type"] == _STASH_TYPE and child.get("parent") == urn
            }
            certificates = {
                _name(child["urn"]): child["outputs"]["certPem"]
                for child in resources
                if child["type"] == _CA_TYPE and child.get("parent") == urn
            }
            yield RecordedCluster(naming, certificates, stashes)


def _name(urn: str) -> str:
    """Return a resource's name, in which its URN ends: https://www.pulumi.com/docs/iac/concepts/resources/names/#urns"""
    return urn.rpartition("::")[2]


def cluster_of(stack: str, component: str | None, namespace: str | None) -> RecordedCluster:
    """Return the only cluster of a stack with this name and this namespace; None matches any.

    Raises OperationError if no cluster or several clusters match.
    """
    exported = json.loads(run(["pulumi", "stack", "export", "--non-interactive", "--stack", stack]))
    return choose(stack, list(clusters(exported)), component, namespace)


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
