"""What the stack's state tells about the cluster before this update: whether it was ever healthy, and its volumes."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from components.changes import mark
from components.changes.refusals import ACCESSORS, REVOKED_ACCESSORS, record, refusals
from components.identity import COMPONENT_TYPE
from components.naming import Naming
from components.settings import PROJECT, Settings
from components.trust.generations import CA_KEYS, KEY_SETTINGS, TOKEN_SETTINGS, declared_generations, generations

# A function of the engine, behind listResourceOutputs of Pulumi's Node.js SDK: the outputs of every resource in the
# state of a stack, also of the one that runs.
_READ_STATE = "pulumi:pulumi:readStackResourceOutputs"
_READS = 20
_READ_INTERVAL_SECONDS = 0.1

# The type of the Stash below the component, as a URN contains it.
_STASH = f"{COMPONENT_TYPE}$pulumi:index:Stash"

# The type of a ConfigMap below the component, as a URN contains it.
_CONFIG_MAP = f"{COMPONENT_TYPE}$kubernetes:core/v1:ConfigMap"

# Versions that did not count attempts refused changes from the first update on, as if the cluster was healthy.
_BEFORE_ATTEMPTS = 0


@dataclass(frozen=True)
class History:
    """The history of a cluster, with this update as its last event.

    `healthy` is whether the health check has ever succeeded. `attempt` is the number of the attempt to create the
    cluster: one that was never healthy starts over when the number or the nodes of the servers change, the keys, or a
    setting that would restart the servers or that a running cluster cannot change. `servers_so_far` is the largest
    number of servers in this attempt, which is also the number of volumes that may have data. `namespaces` are those of
    all attempts, the present one last. `first` is whether the state has no record of the cluster: this update creates
    it. `addresses` are those that the last update told the servers to advertise, by the server's name. `confirmed` is
    what the last successful health check confirmed of every agent (components.changes.mark), empty before the first.
    `interruptions` counts the updates that began after one that had changed keys and did not finish. `accessors` are
    the accessor IDs of all ACL tokens that earlier updates declared. `had_acls` is whether the agents of the last
    successful health check have ACLs enabled.
    """

    healthy: bool
    attempt: int
    servers_so_far: int
    namespaces: tuple[str, ...] = field(default=(), compare=False)
    first: bool = False
    addresses: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    confirmed: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False)
    interruptions: int = field(default=0, compare=False)
    accessors: frozenset[str] = field(default=frozenset(), compare=False)
    had_acls: bool = field(default=False, compare=False)

    @property
    def starts_over(self) -> bool:
        """Return whether this update may replace the servers and their volumes: no earlier attempt was ever healthy."""
        return self.attempt > 1 and not self.healthy

    def generations(self, settings: Settings) -> dict[str, list[int]]:
        """Return the generations of keys that every agent has before this update, by setting, the one in use first.

        Those of a cluster that was never healthy are the ones declared.
        """
        return generations(self.confirmed) if self.confirmed else declared_generations(settings)

    @property
    def removed_cas(self) -> int:
        """Return how many CAs the servers have stopped trusting before this update."""
        return int(self.confirmed.get("removedCas", 0))

    def rotates_ca(self, settings: Settings) -> bool:
        """Return whether this update changes which CAs the running agents trust, or which one signs."""
        return self._rotates(settings, CA_KEYS)

    def rotates_tokens(self, settings: Settings) -> bool:
        """Return whether this update changes the generations of ACL tokens of a running cluster."""
        if settings.allow_degraded:
            # The ACL Job could wait for servers that this update brings back.
            return False
        return self.had_acls and self._rotates(settings, *TOKEN_SETTINGS)

    def _rotates(self, settings: Settings, *names: str) -> bool:
        before, declared = self.generations(settings), declared_generations(settings)
        return self.healthy and any(before[name] != declared[name] for name in names)

    @property
    def environment(self) -> dict[str, str]:
        """Return environment variables with which Jobs run again, and clients restart, when the cluster starts over."""
        return {"ATTEMPT": str(self.attempt)} if self.attempt > 1 else {}

    def protects_data(self, settings: Settings) -> bool:
        """Return whether Pulumi must not delete or replace the servers, their volumes and their namespace."""
        return settings.production and not self.starts_over

    def revoked(self, accessors: Iterable[str]) -> list[str]:
        """Return the accessor IDs of the tokens that were declared before, and are not among those declared now."""
        return sorted(self.accessors - {*accessors})

    def record(self, settings: Settings) -> dict[str, Any]:
        """Return what the next update needs to know, except fingerprints and accessor IDs, which are outputs."""
        values = record(settings) | {
            "servers": _servers_hash(settings),
            "attempt": self.attempt,
            "serversSoFar": self.servers_so_far,
            "namespaces": [*self.namespaces],
            "interruptions": self.interruptions,
        }
        # The policies accept servers without protection only while a cluster starts over.
        return values | {"startsOver": True} if self.starts_over else values


def read_history(name: str, settings: Settings) -> History:
    """Read the history of the cluster `name` from the stack's state."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    state = _read_state(stack, _READS)
    return replace(history(name, settings, state), addresses=addresses(name, settings, state))


def _read_state(stack: str, reads: int) -> dict[str, Any]:
    """Return the outputs of each resource in a stack's state, by URN. Try at most `reads` times."""
    try:
        state: dict[str, Any] = pulumi.runtime.invoke(_READ_STATE, {"stackName": stack}).value
    except Exception:
        # The engine writes the state at the same time. A read of a file:// backend then may fail: the file with the
        # attributes of the state's file is empty for a moment.
        if reads == 1:
            raise
        time.sleep(_READ_INTERVAL_SECONDS)
        return _read_state(stack, reads - 1)
    return state.get("outputs", {})


def history(name: str, settings: Settings, state: Mapping[str, Any]) -> History:
    """Return the history of the cluster `name`. Pure; `state` has the outputs of each resource, by URN.

    Raises RunError if the namespace is one of an earlier attempt, whose objects Pulumi may not have deleted yet.
    """
    records: dict[str, dict[str, Any]] = {
        urn: resource["outputs"]["input"] for urn, resource in state.items() if urn.endswith(f"{_STASH}::{name}")
    }
    if not records:
        return History(False, 1, settings.server_replicas, (settings.namespace,), first=True)
    # Two clusters of a stack may have the same name, below different parents, but they have different namespaces.
    own = {urn: found for urn, found in records.items() if found["namespace"] == settings.namespace} or records
    urn, before = own.popitem() if len(own) == 1 else ("", {})
    accessors = frozenset([*before.get(ACCESSORS, ()), *before.get(REVOKED_ACCESSORS, ())])
    # Numbers in the state are floats.
    attempt = int(before.get("attempt", _BEFORE_ATTEMPTS))
    # A version that did not count the servers protected the volumes of all nodes.
    servers = max(int(before.get("serversSoFar", len(before.get("storageNodes", [])))), settings.server_replicas)
    marked = state.get(f"{urn}{mark.SUFFIX}")
    if attempt == _BEFORE_ATTEMPTS or marked:
        confirmed = mark.confirmed(marked and marked["outputs"]["input"])
        unfinished = generations(mark.confirmed(before)) != generations(confirmed)
        return History(
            True,
            attempt,
            servers,
            tuple(before.get("namespaces", ())),
            confirmed=confirmed,
            interruptions=int(before.get("interruptions", 0)) + unfinished,
            accessors=accessors,
            # An update that was to enable ACLs may have been interrupted. Early versions did not confirm it.
            had_acls=bool(confirmed.get("aclEnabled", before.get("aclEnabled"))),
        )
    *earlier, last = before["namespaces"]
    if settings.namespace in earlier:
        raise pulumi.RunError(
            f"{PROJECT}:namespace cannot go back to {settings.namespace}, where an earlier attempt left objects: the "
            f"next successful update removes them. Choose {last}, or another name"
        )
    namespaces = (*earlier, last) if settings.namespace == last else (*earlier, last, settings.namespace)
    if before["servers"] != _servers_hash(settings) or any(refusals(before, record(settings))):
        return History(False, attempt + 1, settings.server_replicas, namespaces, accessors=accessors)
    return History(False, attempt, servers, namespaces, accessors=accessors)


def addresses(name: str, settings: Settings, state: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses that the last update told the servers of the cluster `name` to advertise. Pure.

    `state` has the outputs of each resource, by URN.
    """
    naming = Naming(name, settings.namespace)
    for urn, resource in state.items():
        if not urn.endswith(f"{_CONFIG_MAP}::{naming.addresses}"):
            continue
        outputs: dict[str, Any] = resource["outputs"]
        if outputs["metadata"]["namespace"] == naming.namespace:
            files: dict[str, str] = outputs.get("data") or {}
            try:
                return {file.removesuffix(".json"): json.loads(files[file])["advertise_addr"] for file in files}
            except (KeyError, TypeError, ValueError):
                # Somebody has changed the ConfigMap. This update restores it.
                return {}
    return {}


def _servers_hash(settings: Settings) -> str:
    """Return a hash of the settings whose change restarts the servers, and of their number, nodes and keys.

    Servers that wait for their first leader know only the number and the keys that were declared when they started.
    """
    names = {"server_replicas", "storage_nodes"} | {
        entry.name for entry in Settings.entries() if entry.setting.change.restarts_servers or entry.key in KEY_SETTINGS
    }
    return hashlib.sha256(settings.model_dump_json(include=names).encode()).hexdigest()[:16]


def mark_healthy(name: str, settings: Settings, history: History, opts: pulumi.ResourceOptions) -> pulumi.Stash:
    """Create and return the mark of a healthy cluster, with what its health check has confirmed.

    `opts` must make it depend on the health check, and protect it in production: a cluster that lost it could start
    over.
    """
    value = mark.healthy_mark(settings, history.confirmed)
    return pulumi.Stash(f"{name}{mark.SUFFIX}", input=value, opts=opts)
