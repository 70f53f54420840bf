"""The steps of a rotation: one `pulumi up` for each value of the settings that list the generations of keys."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from pydantic import TypeAdapter, ValidationError

from components.changes.refusals import refusals
from components.identity import PROJECT
from components.settings.value_types import Generations
from operations.commands import OperationError, run, run_in_terminal
from operations.rotation.writes import writing
from operations.server import Server
from operations.state import RecordedCluster, cluster_of

Step = Mapping[str, list[int]]
"""The generations that an update declares, by setting."""


@dataclass(frozen=True)
class Target:
    """A cluster of a stack; `options` are those of each `pulumi` command, and `yes` answers its questions."""

    stack: str
    options: Sequence[str]
    yes: bool
    component: str | None
    namespace: str | None

    def cluster(self) -> RecordedCluster:
        """Return the cluster as the stack's state has it now."""
        return cluster_of(self.stack, self.component, self.namespace)

    def pulumi(self, *arguments: str) -> list[str]:
        """Return a Pulumi command on the stack."""
        return ["pulumi", *arguments, "--stack", self.stack, *self.options]

    def generations(self, settings: Sequence[str], cluster: RecordedCluster) -> Step:
        """Return settings of the stack, or the defaults of its project; what was confirmed if there is neither."""
        config: dict[str, Mapping[str, Any]] = json.loads(run(self.pulumi("config", "--json")))
        found: dict[str, list[int]] = {}
        for setting in settings:
            key = f"{PROJECT}:{setting}"
            value = config.get(key, {}).get("value", json.dumps(cluster.generations(setting)))
            try:
                found[setting] = list(TypeAdapter[tuple[int, ...]](Generations).validate_json(value))
            except ValidationError:
                raise OperationError(f"{key} = {value} cannot be used; see docs/settings.md") from None
        return found

    def wait_for_others(self, message: str) -> None:
        """Print what others must do before the next step. Go on when the user confirms it, or at once with `yes`."""
        print(message, flush=True)
        if not self.yes:
            typer.confirm("Continue?", abort=True)


def steps(setting: str, current: Sequence[int], confirmed: Sequence[int]) -> Iterator[list[int]]:
    """Yield the values of a setting that are still to come, each for one update. Pure.

    `current` is the setting now, and `confirmed` is what the last successful update confirmed of every agent. If they
    differ, an update was interrupted, so `current` comes first. A larger number is the newer key. From one key, which
    every agent has, a rotation begins.

    Raises OperationError if `current` would bring back an older key, takes the first step back, or skips a step.
    """
    first, *others = current
    check_settings_file(setting, current, confirmed)
    if list(current) != list(confirmed):
        yield [*current]
        if not others:
            return
    (second,) = others or [first + 1]
    if not others:
        yield [first, second]
    if second > first:
        yield [second, first]
    yield [max(first, second)]


def check_settings_file(setting: str, current: Sequence[int], confirmed: Sequence[int]) -> None:
    """Raise OperationError if `current` would bring back an older key, or if an update would refuse it. Pure."""
    if max(current) < max(confirmed) or any(each < max(confirmed) and each not in confirmed for each in current):
        key = f"{PROJECT}:{setting}"
        raise OperationError(
            f"{key} is {list(current)}, but the cluster has {list(confirmed)}: the settings file may be older than "
            f"the stack. Run pulumi config set {key} '{list(confirmed)}' first"
        )
    for refusal in refusals({setting: [*confirmed]}, {setting: [*current]}):
        raise OperationError(refusal)


@dataclass(frozen=True)
class Rotation:
    """A rotation: the settings, and functions that plan the steps and prove the result.

    `plan` returns the remaining steps, given the generations in the settings now, and the cluster. `prepare` is called
    before each step, with the cluster and the settings after the step. `prove` gets the cluster before and after the
    rotation.
    """

    settings: Sequence[str]
    plan: Callable[[Step, RecordedCluster], Sequence[Step]]
    prove: Callable[[RecordedCluster, RecordedCluster], str]
    prepare: Callable[[RecordedCluster, Step], None] = lambda _cluster, _step: None


def plan_of_setting(
    setting: str, plan: Callable[[Sequence[int], RecordedCluster], Sequence[list[int]]]
) -> Callable[[Step, RecordedCluster], Sequence[Step]]:
    """Return the plan of a rotation with one setting, given a function that returns the setting's coming values."""
    return lambda current, cluster: [{setting: value} for value in plan(current[setting], cluster)]


def rotate(target: Target, server: Server, rotation: Rotation) -> str:
    """Take all steps of a rotation; return a summary of the writes meanwhile.

    Raises OperationError if a step fails. The same command goes on from there.
    """
    first = cluster = target.cluster()
    before = target.generations(rotation.settings, cluster)
    coming = rotation.plan(before, cluster)
    servers = server.naming.servers(int(first.record["serverReplicas"]))
    acknowledged, longest_gap = 0, 0.0
    for number, step in enumerate(coming, 1):
        rotation.prepare(cluster, {**before, **step})
        shown = ", ".join(f"{setting} is {generations}" for setting, generations in step.items())
        print(f"Step {number} of {len(coming)}: {shown}", flush=True)
        # Not while `prepare` asks the user: nobody may answer for hours.
        with writing(server, servers) as writes:
            cluster = _update(target, rotation, before, step)
        acknowledged, longest_gap = acknowledged + len(writes.keys), max(longest_gap, writes.longest_gap)
        before = {**before, **step}
    print(rotation.prove(first, cluster), flush=True)
    return (
        f"{acknowledged} writes were acknowledged during the updates, and none is lost. "
        f"The longest time without one was {longest_gap:.2f} s"
    )


def _update(target: Target, rotation: Rotation, before: Step, step: Step) -> RecordedCluster:
    """Take one step: change the settings, run `pulumi up`, and check in the state that every agent has confirmed it.

    Returns the cluster in the state after the update.
    """
    _configure(target, step)
    try:
        run_in_terminal(target.pulumi("up", *(["--yes"] if target.yes else [])))
    except OperationError:
        # The update may have failed after the last step was confirmed. The same command would begin another rotation.
        following = rotation.plan({**before, **step}, target.cluster())[0]
        if any(max(generations) > max(step.get(setting, generations)) for setting, generations in following.items()):
            raise OperationError(
                "The rotation is complete, so do not run the command again. But pulumi up failed afterwards: repair "
                f"the cause, and run pulumi up --stack {target.stack}"
            ) from None
        raise
    cluster = target.cluster()
    ignored = [setting for setting, generations in step.items() if cluster.generations(setting) != generations]
    if ignored:
        _configure(target, {setting: before[setting] for setting in ignored})
        keys = ", ".join(f"{PROJECT}:{setting}" for setting in ignored)
        raise OperationError(
            f"pulumi up did not change the keys: the program of this stack does not read the setting {keys}. "
            "Change the value in the program, one step at a time (docs/operations.md)"
        )
    return cluster


def _configure(target: Target, step: Step) -> None:
    for setting, generations in step.items():
        run(target.pulumi("config", "set", f"{PROJECT}:{setting}", json.dumps(generations)))
