"""Changes that a running cluster would not survive, found by comparing the old with the new record. Pure.

A setting that can never change has its reason in components.settings.table. The rules here are for settings whose
change is refused only in some cases, and for keys.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from components.quorum import majority, tolerated_losses
from components.settings import PROJECT, Settings
from components.settings.problems import HIDDEN
from components.trust.generations import CA_KEYS, GOSSIP_KEYS, TOKEN_SETTINGS, generation_name


class Refusal(NamedTuple):
    """A kind of change that is refused: the change as docs/security.md lists it, the reason, and the safe way."""

    change: str
    reason: str
    way: str


_FIXED = {
    entry.key: entry.setting.change.refused_because
    for entry in Settings.entries()
    if entry.setting.change.refused_because
}
_SECRET_KEYS = "secretKeys"  # noqa: S105 - the name of a list of keys
_RECORDED = {entry.key for entry in Settings.entries() if entry.setting.change.recorded}

# Keys of the record: the accessor IDs of the declared ACL tokens, those of tokens that were declared before, and the
# fingerprint of the first seed of ACL tokens.
ACCESSORS = "accessors"
REVOKED_ACCESSORS = "revokedAccessors"
ACL_SEED = "aclSeed"

_NEW_CLUSTER = (
    "Set it back; or create a second stack with the new value in another namespace, move the data there with a "
    "snapshot (consul-cluster snapshot, docs/operations.md), then the programs that use the cluster, and destroy this "
    "stack"
)
_SECOND_STACK = "move to a second stack: docs/operations.md"

_LOST_QUORUM = Refusal(
    "`serverReplicas`: more servers removed at once than the cluster tolerates losing, such as 3→1 or 7→3",
    "the servers would lose quorum",
    "Remove fewer at once: 7→5→3",
)
# Kubernetes already restarts the first of the remaining servers while the removed servers are still terminating.
_LOST_QUORUM_ROLLED = Refusal(
    "`serverReplicas` together with a rolling update: as many servers removed as the cluster tolerates losing, such as "
    "5→3 with another `image`",
    "Kubernetes restarts one of the remaining servers at the same time",
    "Make one change after the other",
)
_MOVED_VOLUMES = Refusal(
    "`storageNodes`: another node, or none, at a position that a server has used",
    "the server of that volume would start without its data",
    "Set it back, and add nodes at the end only. If a node is gone for good, replace it with a new node of the same "
    "name",
)
_NO_PRODUCTION = Refusal(
    "`environment` from production to development",
    "the keys, the volumes and the namespace of a production cluster would lose their protection against deletion",
    "Set it back; to tear down a production cluster, see docs/operations.md",
)
# A server without ACLs calls the others without a token. Enabling ACLs has no such effect.
_NO_ACLS = Refusal(
    "`aclEnabled` from true to false",
    "updated servers send no token and would be refused by the others",
    "Set it back; or recreate the stack, which must be a development stack: pulumi destroy, then pulumi up",
)
_SKIPPED_CHANGE = "a first number that the previous list does not have, or a list without the previous first number"
_ONE_STEP = "Change it one step at a time: [1], [1, 2], [2, 1], [2]; or run consul-cluster rotate"
# By the setting that lists the generations of the key.
_SKIPPED_STEP = {
    CA_KEYS: Refusal(
        f"`caKeys`: {_SKIPPED_CHANGE}",
        "some agents would not trust the certificates of others",
        f"{_ONE_STEP} ca STACK",
    ),
    GOSSIP_KEYS: Refusal(
        f"`gossipKeys`: {_SKIPPED_CHANGE}",
        "some agents would not have the key with which others encrypt messages",
        f"{_ONE_STEP} gossip STACK",
    ),
}
_TOKEN_KEYS = ", ".join(f"`{setting}`" for setting in TOKEN_SETTINGS)
_ENDED_TOKENS = Refusal(
    f"{_TOKEN_KEYS}: a list without the previous first number",
    "the tokens in use would be revoked before their users have the new ones",
    "Change it one step at a time: [1], [2, 1], [2]; or run consul-cluster rotate tokens STACK",
)
_DEGRADED_ROTATION = Refusal(
    f"{_TOKEN_KEYS}: another first number while `allowDegraded` is true",
    "servers that restart could not use tokens that do not exist yet",
    "Set allowDegraded to false; or put the number of the tokens in use first",
)
_KEEP_KEY = "Keep it. If others may know it"
_OLD_STATE = (
    "If the state already has a new key, import the state of the version before: pulumi stack export --version, "
    "pulumi stack import"
)
# Each key is created once and kept in the stack's state.
_ROTATE = "rotate it: docs/operations.md"
_KEYS = {
    "caKey": Refusal(
        "a CA's private key", "agents with old and with new certificates would not trust each other", _ROTATE
    ),
    "gossipKey": Refusal(
        "a gossip key", "agents with the old and with the new key could not talk to each other", _ROTATE
    ),
    ACL_SEED: Refusal("a seed of ACL tokens", "the cluster knows only the old tokens", _ROTATE),
}


def fingerprint_name(setting: str, generation: int) -> str:
    """Return the key under which the record has the fingerprint of a key; `setting` lists the key's generations."""
    return generation_name(setting.removesuffix("s"), generation)


def record(settings: Settings) -> dict[str, Any]:
    """Return the settings that a later change is compared with, by key, and the keys of those that are secrets."""
    values = settings.model_dump(mode="json", by_alias=True)
    recorded = {key: value for key, value in values.items() if key in _RECORDED}
    return recorded | ({_SECRET_KEYS: [*settings.secrets]} if settings.secrets else {})


def refusal_kinds() -> list[Refusal]:
    """Return every kind of change that is refused, for docs/security.md; settings with the same reason are one entry.

    The entries link to the page that explains the move to a second stack. Messages describe the move in full.
    """
    by_reason: dict[str, list[str]] = {}
    for key, reason in _FIXED.items():
        by_reason.setdefault(reason, []).append(f"`{key}`")
    fixed = [Refusal(", ".join(keys), reason, f"Set it back, or {_SECOND_STACK}") for reason, keys in by_reason.items()]
    keys = [Refusal(f"a new value of {key}", reason, f"Keep it, or {way}") for key, reason, way in _KEYS.values()]
    steps = _SKIPPED_STEP.values()
    return [
        _LOST_QUORUM,
        _LOST_QUORUM_ROLLED,
        *fixed,
        _MOVED_VOLUMES,
        _NO_PRODUCTION,
        _NO_ACLS,
        *steps,
        _ENDED_TOKENS,
        _DEGRADED_ROTATION,
        *keys,
    ]


def refusals(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each change that would lose quorum, data or trust: the change, the reason, the safe way.

    `before` and `after` contain what `record` returns, and the keys' fingerprints; in a preview, that of a new key is
    None.
    A setting in only one of them was added or removed by another version of this program, so it is no change.
    """
    hidden = {*before.get(_SECRET_KEYS, ()), *after.get(_SECRET_KEYS, ())}
    for key, reason in _FIXED.items():
        if _changed(key, before, after):
            change = _change(before[key], after[key], hidden=key in hidden)
            yield f"{_setting(key)} cannot {change}: {reason}. {_NEW_CLUSTER}"
    if before.get("aclEnabled") and not after.get("aclEnabled", True):
        yield f"{_setting('aclEnabled')} cannot change from true to false: {_NO_ACLS.reason}. {_NO_ACLS.way}"
    if before.get("environment") == "production" and after.get("environment") == "development":
        change = f'{_setting("environment")} cannot change from "production" to "development"'
        yield f"{change}: {_NO_PRODUCTION.reason}. {_NO_PRODUCTION.way}"
    yield from lost_quorum(before.get("serverReplicas", 0), after.get("serverReplicas", 0))
    # The volumes of further nodes have never held a server's data.
    nodes = before.get("storageNodes", [])
    used = nodes[: int(before.get("serversSoFar", len(nodes)))]
    yield from _moved_volumes(used, after.get("storageNodes", [])[: len(used)], hidden="storageNodes" in hidden)
    for setting in _SKIPPED_STEP:
        if _changed(setting, before, after):
            yield from _skipped_step(setting, _numbers(before[setting]), _numbers(after[setting]))
    for setting in TOKEN_SETTINGS:
        if _changed(setting, before, after):
            yield from _ended_tokens(setting, _numbers(before[setting]), _numbers(after[setting]))
    for name in before:
        key = _KEYS.get(name.partition("-")[0])
        if key and _changed(name, before, after):
            yield f"This change would replace {key.change}: {key.reason}. {_KEEP_KEY}, {key.way}. {_OLD_STATE}"


def _numbers(generations: Sequence[float]) -> list[int]:
    return [int(generation) for generation in generations]


def _skipped_step(setting: str, before: list[int], after: list[int]) -> Iterator[str]:
    """Yield a message if the agents cannot go from the keys `before` to those `after` in one update."""
    (old, *_), (new, *_) = before, after
    if new in before and old in after:
        return
    between = [old, new] if new not in before else [new, old]
    yield (
        f"{_setting(setting)} cannot change from {before} to {after}: {_SKIPPED_STEP[setting].reason}. Set it to "
        f"{between} first, run pulumi up, and then take the next step; or back to {before}"
    )


def _ended_tokens(setting: str, before: list[int], after: list[int]) -> Iterator[str]:
    """Yield a message if the update would revoke the tokens that were in use `before`."""
    if before[0] not in after:
        yield (
            f"{_setting(setting)} cannot change from {before} to {after}: {_ENDED_TOKENS.reason}. Set it to "
            f"{[after[0], before[0]]} first, run pulumi up, and update the programs that use the tokens; or back to "
            f"{before}"
        )


def degraded_rotation(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each setting that would bring other tokens into use than those in use `before`."""
    for setting in TOKEN_SETTINGS:
        old, new = _numbers(before[setting]), _numbers(after[setting])
        if old[0] != new[0]:
            change = f"{_setting(setting)} cannot change from {old} to {new} while allowDegraded is true"
            yield f"{change}: {_DEGRADED_ROTATION.reason}. {_DEGRADED_ROTATION.way}: {[old[0], new[0]]}"


def lost_quorum(before: float, after: float, *, rolled: bool = False) -> Iterator[str]:
    """Yield a message if the change from `before` to `after` servers removes more than the cluster tolerates losing.

    `rolled` is true if the pod template changes too: Kubernetes then restarts the first of the remaining servers while
    the removed servers are still terminating (pod management policy Parallel).
    """
    tolerated, lost = tolerated_losses(int(before)), int(before - after) + rolled
    if after >= before or lost <= tolerated:
        return
    reason = f"{lost} servers would go at once, and a cluster of {before:g} tolerates the loss of {tolerated}"
    if rolled and lost - 1 <= tolerated:
        reason += (
            ": the removed servers, and the first one that another change (settings, image) restarts. "
            f"Set it back to {before:g}, update, and then change the number alone"
        )
    else:
        # The smallest odd number of servers that still has a majority of the old ones.
        fewest = majority(int(before))
        step = fewest + 1 - fewest % 2
        reason += f". Go to {step} first" if step < before else f". {_NEW_CLUSTER}"
    yield f"{_setting('serverReplicas')} cannot change from {before:g} to {after:g}: {reason}"


def unchecked(servers_urn: str) -> str:
    """Return the message for an update of the servers' StatefulSet (URN) without a pre-flight check."""
    start, _, name = servers_urn.rpartition("::")
    job = f"{start.rpartition('kubernetes:')[0]}kubernetes:batch/v1:Job::{name}-preflight"
    return (
        "This update would restart or remove servers, but the last pre-flight check belongs to an earlier update: that "
        "update was interrupted, or the servers' StatefulSet was changed by other means. If `kubectl rollout restart` "
        "is running, wait for its end. If the update is still refused, run the check again: "
        f"pulumi up --replace '{job}'"
    )


def deleted(namespace: str, name: str) -> str:
    """Return the message for an update of a StatefulSet that Kubernetes is deleting."""
    return (
        f"The StatefulSet {name} is being deleted, for example by an interrupted pulumi destroy. Wait for its end: "
        f"kubectl -n {namespace} wait --for=delete statefulset/{name} --timeout=5m. Then run pulumi up again"
    )


def released(volumes: Sequence[str]) -> Iterator[str]:
    """Yield a message if there are `volumes` (names of PersistentVolumes) whose claims were deleted."""
    if volumes:
        names = " ".join(volumes)
        patch = '[{"op": "remove", "path": "/spec/claimRef/uid"}]'
        yield (
            f"Servers cannot start: the claims of their volumes {names} were deleted, for example with the "
            "namespace, and Kubernetes gives such a volume to no new claim. The data is still there. Run "
            f"kubectl patch persistentvolume {names} --type=json -p '{patch}', then pulumi up again"
        )


def _change(before: Any, after: Any, *, hidden: bool) -> str:
    old, new = (json.dumps(HIDDEN if hidden else value) for value in (before, after))
    return f"change from {old} to {new}" if after is not None else f"lose {old}"


def _moved_volumes(before: list[str], after: list[str], *, hidden: bool) -> Iterator[str]:
    """Yield a message for each position whose node changes or is removed: its volume may hold a server's data."""
    for ordinal, (old, new) in enumerate(zip_longest(before, after)):
        if old not in (new, None):
            change = _change(old, new, hidden=hidden)
            yield (
                f"{_setting('storageNodes')} cannot {change} at position {ordinal + 1}: the volume of server {ordinal} "
                f"would be deleted, and the server would start without its data. {_MOVED_VOLUMES.way}"
            )


def _changed(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return key in before and key in after and before[key] != after[key]


def _setting(key: str) -> str:
    return f"{PROJECT}:{key}"
