"""The guard: a record in the stack's state, and resource hooks that refuse dangerous changes, also in previews."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

from components.changes.refusals import lost_quorum, record, refusals
from components.settings import Settings
from components.trust.keys import Keys


class RefusedError(Exception):
    """A change that would break the running cluster; the message has the reason and the safe way."""


def create_guard(name: str, settings: Settings, keys: Keys, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Create the record: the settings that a later change is compared with, and hashes of the keys.

    All resources except the keys must depend on the record, so that a refusal comes before any other change.
    """
    secrets = {"caKey": keys.ca.public_key_pem, "gossipKey": keys.gossip, "aclSeed": keys.acl_seed}
    hashes = {key: pulumi.Output.unsecret(value.apply(_hash)) for key, value in secrets.items()}
    hook = pulumi.ResourceHook(f"{name}-guard", _refuse, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.Stash(
        name,
        input={**record(settings), **hashes},
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook]))
        ),
    )


def guard_replicas(name: str) -> pulumi.ResourceOptions:
    """Return options for the servers' StatefulSet that check the number of servers again.

    After an interrupted update, the record has the new number while the old number of servers still runs.
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
    """Return an input of a resource as plain values; a value that is unknown in a preview is None."""
    values: Any = pulumi.Output.from_input((inputs or {}).get(key, {}))
    return await values.future(with_unknowns=True) or {}


def _hash(value: str) -> str:
    """Return the first 128 bits of the SHA-256, in hex. These bits tell random keys apart, but do not reveal a key."""
    return hashlib.sha256(value.encode()).hexdigest()[:32]
