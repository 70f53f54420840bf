"""Changes that a running cluster would not survive. Pure: what was and what shall be in, refusals out."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from components.settings import PROJECT, Settings

_NEW_CLUSTER = (
    "Set it back; or bring up a second stack with the new value, in another namespace, move the data there by a "
    "snapshot (consul-cluster snapshot, docs/operations.md), then what uses the cluster, and destroy this stack"
)

# Why these are fixed once a cluster is up.
_FIXED = {
    "namespace": "every object, the servers' StatefulSet among them, would be replaced",
    "datacenter": "servers know each other by it, and those rolled first could not talk to the others",
    "domain": "servers know each other by it, and those rolled first could not talk to the others",
    "storageSize": "Kubernetes would have to replace the servers' StatefulSet, which ends all servers at once",
    "storageClass": "Kubernetes would have to replace the servers' StatefulSet, which ends all servers at once",
    "storagePath": "the servers' volumes would be replaced, and they would start without their data",
}

# A server rolled to a configuration without ACLs asks without a token, and the others refuse it. On is fine.
_ACLS_STAY = (
    "once the ACLs are on they stay: servers rolled first would be refused by the others. Set it back; or, as this is "
    "a development stack, make it anew: pulumi destroy, then pulumi up"
)

# What every agent's trust stands on; each is made once and kept in the stack's state.
_KEYS = {
    "caKey": "the CA's private key: agents with old and new certificates would not trust each other",
    "gossipKey": "the gossip key: agents with the old and the new one would not hear each other",
    "aclSeed": "the seed of the ACL tokens: the cluster knows the old ones only",
}
_KEYS_WAY_OUT = (
    "Leave it as it is; where others may know it, bring up a second stack, which makes its own, move there as for "
    "a new datacenter, and destroy this one. Where an update has replaced it in the state already: give pulumi stack "
    "import what pulumi stack export --version has of the version before"
)

_GIVE_UP = (
    "a cluster that production relies on would lose its protection, and its volumes go with it. Set it back; to give "
    "it up for good: docs/operations.md"
)


def record(settings: Settings) -> dict[str, Any]:
    """The settings that a later change is held against."""
    compared = {*_FIXED, "environment", "serverReplicas", "storageNodes", "aclEnabled"}
    return {key: value for key, value in settings.model_dump(mode="json", by_alias=True).items() if key in compared}


def refusals(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """One text a change that would lose quorum, data or trust: what it is, why, and the safe way.

    Both are what `record` gives, and fingerprints of the keys; a fingerprint that is not known yet is None. What only
    one of them has is new or gone, and no change.
    """
    for key, reason in _FIXED.items():
        if key in before and key in after and before[key] != after[key]:
            yield f"{_setting(key)} cannot change from {before[key]!r} to {after[key]!r}: {reason}. {_NEW_CLUSTER}"
    if before.get("aclEnabled") and not after.get("aclEnabled", True):
        yield f"{_setting('aclEnabled')} cannot change from True to False: {_ACLS_STAY}"
    if before.get("environment") == "production" and after.get("environment") == "development":
        yield f"{_setting('environment')} cannot change from 'production' to 'development': {_GIVE_UP}"
    yield from lost_quorum(before.get("serverReplicas", 0), after.get("serverReplicas", 0))
    yield from _moved_volumes(before.get("storageNodes", []), after.get("storageNodes", []))
    for key, reason in _KEYS.items():
        if key in before and key in after and before[key] != after[key]:
            yield f"This would replace {reason}. {_KEYS_WAY_OUT}"


def lost_quorum(before: float, after: float, *, rolled: bool = False) -> Iterator[str]:
    """A cluster of n servers goes on while a majority is there: (n - 1) / 2 of them may go at once.

    Where the pods change as well, they are `rolled`: Kubernetes takes the first of those that stay while those that go
    are still ending (StatefulSet controller, pod management policy Parallel).
    """
    tolerated, lost = (int(before) - 1) // 2, int(before - after) + rolled
    if after >= before or lost <= tolerated:
        return
    reason = f"{lost} servers would go at once, and a cluster of {before:g} tolerates the loss of {tolerated}"
    if rolled and lost - 1 <= tolerated:
        reason += (
            ": those that are too many, and the first that gets what else changes (settings, image, certificates). "
            f"Set it back to {before:g}, update, and then change the number alone"
        )
    else:
        fewest = int(before) - tolerated
        step = fewest + 1 - fewest % 2
        reason += f". Go to {step} first" if step < before else f". {_NEW_CLUSTER}"
    yield f"{_setting('serverReplicas')} cannot change from {before:g} to {after:g}: {reason}"


def _moved_volumes(before: list[str], after: list[str]) -> Iterator[str]:
    """A volume holds its server's data, or its claim, for as long as the cluster lives: nodes are added at the end."""
    for ordinal, (old, new) in enumerate(zip_longest(before, after)):
        if old not in (new, None):
            change = f"change from {old!r} to {new!r}" if new else f"lose {old!r}"
            yield (
                f"{_setting('storageNodes')} cannot {change} at place {ordinal + 1}: the volume of server {ordinal} "
                "would go, and it would start without its data. Set it back, and add nodes at the end only; a node "
                "that is gone for good can be replaced by one of the same name, and one without a server does no harm"
            )


def _setting(key: str) -> str:
    return f"{PROJECT}:{key}"
