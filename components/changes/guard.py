"""The guard: a record in the stack's state, and resource hooks that refuse dangerous changes, also in previews."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import PersistentVolume

from components.changes.history import History
from components.changes.refusals import (
    ACCESSORS,
    ACL_SEED,
    REVOKED_ACCESSORS,
    degraded_rotation,
    deleted,
    fingerprint_name,
    lost_quorum,
    refusals,
    released,
    unchecked,
)
from components.settings import Settings
from components.trust.fingerprint import fingerprint
from components.trust.generations import CA_KEYS, GOSSIP_KEYS, generation_name
from components.trust.keys import Keys


class RefusedError(Exception):
    """A change that would break the running cluster; the message has the reason and the safe way."""


def create_guard(
    name: str,
    settings: Settings,
    history: History,
    keys: Keys,
    accessors: pulumi.Output[list[str]],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """Create the record: the settings that a later change is compared with, and fingerprints of the keys.

    `accessors` are the accessor IDs of the declared ACL tokens.

    All resources except the keys must depend on the record, so that a refusal comes before any other change. Nothing is
    refused until the cluster was healthy once.
    """
    ca = {fingerprint_name(CA_KEYS, generation): key.public_key_pem for generation, key in keys.ca.items()}
    gossip = {fingerprint_name(GOSSIP_KEYS, generation): key for generation, key in keys.gossip.items()}
    seeds = {generation_name(ACL_SEED, generation): seed for generation, seed in keys.acl.items()}
    secrets = {**ca, **gossip, **seeds}
    fingerprints = {key: pulumi.Output.unsecret(value.apply(fingerprint)) for key, value in secrets.items()}

    async def refuse(args: pulumi.ResourceHookArgs) -> None:
        before, after = await _known(args.old_inputs, "input"), await _known(args.new_inputs, "input")
        # The record may be of an update that failed before every agent had its keys, so some agents have those of the
        # record, and others those that were confirmed.
        confirmed = {**before, **history.generations(settings)}
        found = [*refusals(confirmed, after), *refusals(before, after)]
        if settings.allow_degraded and history.had_acls:
            found += degraded_rotation(confirmed, after)
        _raise_all(dict.fromkeys(found))

    hook = pulumi.ResourceHook(f"{name}-guard", refuse, pulumi.ResourceHookOptions(on_dry_run=True))
    hooks = pulumi.ResourceHookBinding(before_update=[hook] if history.healthy else [])
    return pulumi.Stash(
        name,
        input={
            **history.record(settings),
            **fingerprints,
            ACCESSORS: accessors,
            REVOKED_ACCESSORS: accessors.apply(history.revoked),
        },
        opts=_hooked(opts, hooks),
    )


class ServersGuard:
    """Refuses an update of the servers' StatefulSet that no pre-flight check of the same update has preceded.

    After an interrupted update, or a change by others, the StatefulSet may differ from the state while the pre-flight
    check's Job does not, so Pulumi would not run it again. The guard also compares the numbers of servers again: after
    an interrupted update, the record has the new number while the old number of servers still runs.

    It also refuses to create or update the StatefulSet while a server's volume is Released: the server could not start.
    A StatefulSet that Kubernetes is deleting is not updated either: Pulumi would wait for its pods until the time-out.
    """

    def __init__(self, name: str, volumes: Sequence[PersistentVolume]) -> None:
        """Prepare the hooks; `name` is the component's name, and `volumes` are those of its servers."""
        self._checked = False
        self._volumes = volumes
        on_dry_run = pulumi.ResourceHookOptions(on_dry_run=True)
        self._before_check = pulumi.ResourceHook(f"{name}-preflight", self._note_check, on_dry_run)
        self._with_volumes = pulumi.ResourceHook(f"{name}-volumes", self._refuse_released, on_dry_run)
        self._not_deleted = pulumi.ResourceHook(f"{name}-deleted", _refuse_deleted, on_dry_run)
        self._before_update = pulumi.ResourceHook(f"{name}-servers", self._refuse, on_dry_run)

    def check(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Return the options of the pre-flight check's Job."""
        hooks = pulumi.ResourceHookBinding(before_create=[self._before_check])
        return _hooked(opts, hooks)

    def servers(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Return the options of the servers' StatefulSet, which must depend on the Job."""
        hooks = pulumi.ResourceHookBinding(
            before_create=[self._with_volumes],
            before_update=[self._not_deleted, self._with_volumes, self._before_update],
        )
        return _hooked(opts, hooks)

    def clients(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Return the options of the clients' StatefulSet."""
        hooks = pulumi.ResourceHookBinding(before_update=[self._not_deleted])
        return _hooked(opts, hooks)

    async def _note_check(self, _args: pulumi.ResourceHookArgs) -> None:
        self._checked = True

    async def _refuse_released(self, _args: pulumi.ResourceHookArgs) -> None:
        # In the preview of a new volume, the status is None.
        live = [(await volume.status.future(), await volume.metadata.name.future()) for volume in self._volumes]
        _raise_all(released([name for status, name in live if status and name and status.phase == "Released"]))

    async def _refuse(self, args: pulumi.ResourceHookArgs) -> None:
        before, after = await _known(args.old_inputs, "spec"), await _known(args.new_inputs, "spec")
        rolled = before["template"] != after["template"]
        _raise_all(lost_quorum(before["replicas"], after["replicas"], rolled=rolled))
        # The update would take back the annotation of a `kubectl rollout restart`, and so restart the servers again.
        restarted = was_restarted(await _known(args.old_outputs, "spec"))
        if not self._checked and (rolled or restarted or after["replicas"] < before["replicas"]):
            _raise_all([unchecked(args.urn)])


def _hooked(opts: pulumi.ResourceOptions, hooks: pulumi.ResourceHookBinding) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(hooks=hooks))


def was_restarted(spec: Mapping[str, Any]) -> bool:
    """Return whether the pods of a StatefulSet have the annotation of `kubectl rollout restart`."""
    metadata: dict[str, Any] = spec.get("template", {}).get("metadata") or {}
    annotations: dict[str, str] = metadata.get("annotations") or {}
    return "kubectl.kubernetes.io/restartedAt" in annotations


async def _refuse_deleted(args: pulumi.ResourceHookArgs) -> None:
    live = await _known(args.old_outputs, "metadata")
    if "deletionTimestamp" in live:
        _raise_all([deleted(live["namespace"], live["name"])])


def _raise_all(refused: Iterable[str]) -> None:
    if found := list(refused):
        raise RefusedError("\n".join(found))


async def _known(inputs: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    """Return an input of a resource as plain values; a value that is unknown in a preview is None."""
    values: Any = pulumi.Output.from_input((inputs or {}).get(key, {}))
    return await values.future(with_unknowns=True) or {}
