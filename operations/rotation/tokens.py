"""Rotate the ACL tokens."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from components.acl.tokens import INITIAL_MANAGEMENT
from components.changes.refusals import ACCESSORS, REVOKED_ACCESSORS
from components.trust.generations import MANAGEMENT_KEYS, TOKEN_SETTINGS
from operations.commands import OperationError
from operations.rotation.steps import Rotation, Step, Target, check_settings_file, rotate
from operations.server import Server
from operations.state import RecordedCluster


def token_steps(current: Step, confirmed: Mapping[str, Sequence[int]]) -> list[Step]:
    """Return the steps that are still to come. Pure.

    `current` has the settings to rotate, and `confirmed` what the last successful update confirmed, by all
    TOKEN_SETTINGS. A rotation that was interrupted is finished first. The new generation is one that no setting has,
    so its seed is new. The last step revokes the old tokens of all settings.
    """
    for setting, generations in current.items():
        check_settings_file(setting, generations, confirmed[setting])
    unfinished = {
        setting: generations
        for setting, generations in current.items()
        if list(generations) != list(confirmed[setting]) or len(generations) > 1
    }
    new = 1 + max(number for generations in (*confirmed.values(), *current.values()) for number in generations)
    coming = {
        setting: list(_steps(generations, confirmed[setting], new))
        for setting, generations in (unfinished or current).items()
    }
    # A setting with fewer steps than the others begins later, so that all have the same last step.
    from_the_end = zip_longest(*(reversed(values) for values in coming.values()))
    return [
        {setting: value for setting, value in zip(coming, values, strict=True) if value is not None}
        for values in reversed(list(from_the_end))
    ]


def _steps(current: Sequence[int], confirmed: Sequence[int], new: int) -> Iterator[list[int]]:
    """Yield the values of a setting that are still to come. A larger number is the newer generation."""
    if list(current) != list(confirmed):
        yield [*current]
        if len(current) == 1:
            return
    old, new = sorted(current) if len(current) > 1 else (current[0], new)
    if current[0] != new:
        yield [new, old]
    yield [new]


def rotate_tokens(target: Target, server: Server, settings: Sequence[str]) -> str:
    """Rotate the tokens of `settings`, or finish a rotation that was interrupted; return a summary of the writes.

    Raises OperationError if a step fails. The same command goes on from there.
    """

    def plan(current: Step, cluster: RecordedCluster) -> Sequence[Step]:
        if not cluster.record["aclEnabled"]:
            raise OperationError(f"The cluster of stack {target.stack} has no tokens: aclEnabled is false")
        return token_steps(current, {setting: cluster.generations(setting) for setting in TOKEN_SETTINGS})

    def prepare(cluster: RecordedCluster, step: Step) -> None:
        """Ask the user to update other programs before a step that revokes tokens."""
        if any(set(cluster.generations(setting)) - set(generations) for setting, generations in step.items()):
            target.wait_for_others(
                "Before the old tokens are revoked, all programs must use the new outputs managementToken, "
                "metricsToken and serviceTokens: run pulumi up in the projects that use them."
            )

    def prove(before: RecordedCluster, cluster: RecordedCluster) -> str:
        proof = _proof(target, cluster, server)
        same = [setting for setting in settings if cluster.generations(setting) == before.generations(setting)]
        if same:
            proof += f". Another rotation was finished first, so run the command again to rotate {', '.join(same)}"
        return proof

    return rotate(target, server, Rotation(settings, plan, prove, prepare))


def _proof(target: Target, cluster: RecordedCluster, server: Server) -> str:
    """Return what proves the end of a rotation: Consul has all declared tokens, and none of the revoked ones.

    Raises OperationError otherwise.
    """
    tokens = {token["AccessorID"]: token["Description"] for token in server.call("acl/tokens")}
    declared, revoked = set(cluster.record[ACCESSORS]), set(cluster.record[REVOKED_ACCESSORS])
    # A leader creates a management token with a random accessor ID. It replaces one of the declared tokens.
    initial = {accessor for accessor, text in tokens.items() if text == INITIAL_MANAGEMENT}
    left = sorted(revoked & set(tokens))
    if len(cluster.generations(MANAGEMENT_KEYS)) == 1:
        left += sorted(initial - {server.call("acl/token/self")["AccessorID"]})
    missing = sorted(declared - set(tokens))
    if left or len(missing) > len(initial):
        found = f"still has the old tokens {left}" if left else f"does not have the tokens {missing}"
        raise OperationError(
            f"The rotation is complete, so do not run the command again. But Consul {found}. Run the ACL Job, which "
            f"repairs this: pulumi up --stack {target.stack} --target-replace '**Job::{server.naming.acl}'"
        )
    return f"Consul has all {len(declared)} declared tokens, and none of the {len(revoked)} revoked ones"
