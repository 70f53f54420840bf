"""The guard: a record in the stack's state, and hooks that refuse dangerous changes of it, in previews as well."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

from components.changes.refusals import lost_quorum, record, refusals
from components.settings import Settings


class RefusedError(Exception):
    """A change that the running cluster would not survive; the message has the reason and the safe way."""


def create_guard(
    name: str,
    settings: Settings,
    keys: Mapping[str, pulumi.Output[str]],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """Create the record; all resources but the keys depend on it, so a refusal comes before any other change.

    `keys` are the secrets that the cluster's trust depends on; the record has only their hashes.
    """
    hashes = {key: pulumi.Output.unsecret(value.apply(_hash)) for key, value in keys.items()}
    hook = pulumi.ResourceHook(f"{name}-guard", _refuse, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.Stash(
        name,
        input={**record(settings), **hashes},
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook]))
        ),
    )


def guard_replicas(name: str) -> pulumi.ResourceOptions:
    """Return options for the servers' StatefulSet that check the number of servers once more.

    After an interrupted update the record has the new number while the old number of servers still runs.
    """
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
    """Return an input of a resource as plain values; a value that only the update computes is None."""
    values: Any = pulumi.Output.from_input((inputs or {}).get(key, {}))
    return await values.future(with_unknowns=True) or {}


def _hash(value: str) -> str:
    """Return the first half of the SHA-256, in hex: 128 bits tell keys apart, and reveal nothing of a random key."""
    return hashlib.sha256(value.encode()).hexdigest()[:32]
