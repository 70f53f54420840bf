"""What the stack's state tells about the cluster before this update: whether it was ever healthy, and its volumes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.changes.refusals import record, refusals
from components.settings import Settings

# The engine's own function, with which a StackReference reads another stack; it also reads the stack that runs.
_READ_STATE = "pulumi:pulumi:readStackResourceOutputs"

# Versions that did not count attempts refused changes from the first update on, as if the cluster was healthy.
_BEFORE_ATTEMPTS = 0

# The end of the name of the Stash that exists from the first successful health check on.
_HEALTHY = "-healthy"


@dataclass(frozen=True)
class History:
    """The history of a cluster, with this update as its last event.

    `healthy` is whether the health check has ever succeeded. `attempt` is the number of the attempt to create the
    cluster: a cluster that was never healthy starts over when a setting changes that a running cluster cannot change.
    `most_servers` is the largest number of servers so far, which is also the number of volumes with data.
    """

    healthy: bool
    attempt: int
    most_servers: int

    @property
    def starts_over(self) -> bool:
        """Return whether this update may replace the servers and their volumes: no earlier attempt was ever healthy."""
        return self.attempt > 1 and not self.healthy

    def protects_data(self, settings: Settings) -> bool:
        """Return whether Pulumi must not delete or replace the servers, their volumes and their namespace."""
        return settings.production and not self.starts_over

    def record(self, settings: Settings) -> dict[str, Any]:
        """Return what the next update needs to know."""
        values = record(settings) | {"attempt": self.attempt, "mostServers": self.most_servers}
        # The policies accept servers without protection only while a cluster starts over.
        return values | {"startsOver": True} if self.starts_over else values


def read_history(name: str, settings: Settings) -> History:
    """Read the history of the cluster `name` from the stack's state."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    state: dict[str, Any] = pulumi.runtime.invoke(_READ_STATE, {"stackName": stack}).value
    return history(name, settings, state.get("outputs", {}))


def history(name: str, settings: Settings, state: Mapping[str, Any]) -> History:
    """Return the history of the cluster `name`. Pure; `state` has the type and the outputs of each resource, by URN."""
    records: dict[str, dict[str, Any]] = {
        urn: resource["outputs"]["input"]
        for urn, resource in state.items()
        if resource["type"] == "pulumi:index:Stash" and urn.endswith(f"::{name}")
    }
    if not records:
        return History(healthy=False, attempt=1, most_servers=settings.server_replicas)
    # Two clusters of a stack may have the same name, below different parents, but they have different namespaces.
    own = {urn: found for urn, found in records.items() if found["namespace"] == settings.namespace} or records
    urn, before = own.popitem() if len(own) == 1 else ("", {})
    # Numbers in the state are floats.
    attempt = int(before.get("attempt", _BEFORE_ATTEMPTS))
    if attempt != _BEFORE_ATTEMPTS and f"{urn}{_HEALTHY}" not in state:
        if any(refusals(before, record(settings))):
            attempt += 1
        return History(healthy=False, attempt=attempt, most_servers=settings.server_replicas)
    # A version that did not count the servers protected the volumes of all nodes.
    most = int(before.get("mostServers", len(before.get("storageNodes", []))))
    return History(healthy=True, attempt=attempt, most_servers=max(most, settings.server_replicas))


def mark_healthy(name: str, opts: pulumi.ResourceOptions) -> None:
    """Create the mark of a healthy cluster; `opts` must make it depend on the health check."""
    pulumi.Stash(f"{name}{_HEALTHY}", input=True, opts=opts)
