"""The record of what a cluster stands on, and the hook that refuses to change it in a preview already."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

from components.changes.refusals import lost_quorum, record, refusals
from components.settings import Settings


class RefusedError(Exception):
    """A change that the running cluster would not survive; the message says why, and the safe way."""


def create_guard(
    name: str,
    settings: Settings,
    keys: Mapping[str, pulumi.Output[str]],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """A record in the state; all that comes after depends on it, so that a refusal comes before any other change.

    `keys` are what the cluster's trust stands on; their hashes alone are in the record.
    """
    fingerprints = {key: pulumi.Output.unsecret(value.apply(_fingerprint)) for key, value in keys.items()}
    hook = pulumi.ResourceHook(f"{name}-guard", _refuse, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.Stash(
        name,
        input={**record(settings), **fingerprints},
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook]))
        ),
    )


def guard_replicas(name: str) -> pulumi.ResourceOptions:
    """Options for the servers' StatefulSet: after an `up` that ended half-way, the record is ahead of what runs."""
    hook = pulumi.ResourceHook(f"{name}-replicas", _refuse_replicas, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook]))


async def _refuse(args: pulumi.ResourceHookArgs) -> None:
    before, after = await _known(args.old_inputs, "input"), await _known(args.new_inputs, "input")
    _raise_all(refusals(before, after))


async def _refuse_replicas(args: pulumi.ResourceHookArgs) -> None:
    before, after = await _known(args.old_inputs, "spec"), await _known(args.new_inputs, "spec")
    rolled = before["template"] != after["template"]
    _raise_all(lost_quorum(before["replicas"], after["replicas"], rolled=rolled))


def _raise_all(refused: Iterable[str]) -> None:
    if found := list(refused):
        raise RefusedError("\n".join(found))


async def _known(inputs: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    """A resource's input as plain values; None stands for one that is known only when the change is made."""
    values: Any = pulumi.Output.from_input((inputs or {}).get(key, {}))
    return await values.future(with_unknowns=True) or {}


def _fingerprint(value: str) -> str:
    """Half of a SHA-256: enough to tell keys apart, of which each has more bits of its own than that."""
    return hashlib.sha256(value.encode()).hexdigest()[:32]
