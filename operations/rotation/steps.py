"""The steps of a rotation: one `pulumi up` for each value of the setting that lists the generations of a key."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from components.changes.refusals import refusals
from components.identity import PROJECT
from components.settings.value_types import Generations
from operations.commands import OperationError, run, run_in_terminal
from operations.rotation.writes import writing
from operations.server import Server
from operations.state import RecordedCluster, cluster_of


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

    def generations(self, setting: str, cluster: RecordedCluster) -> list[int]:
        """Return a setting of the stack, or the default of its project; what was confirmed if there is neither."""
        key = f"{PROJECT}:{setting}"
        config: dict[str, Mapping[str, Any]] = json.loads(run(self.pulumi("config", "--json")))
        value = config.get(key, {}).get("value", json.dumps(cluster.generations(setting)))
        try:
            return list(TypeAdapter[tuple[int, ...]](Generations).validate_json(value))
        except ValidationError:
            raise OperationError(f"{key} = {value} cannot be used; see docs/settings.md") from None


def steps(setting: str, current: Sequence[int], confirmed: Sequence[int]) -> Iterator[list[int]]:
    """Yield the values of a setting that are still to come, each for one update. Pure.

    `current` is the setting now, and `confirmed` is what the last successful update confirmed of every agent. If they
    differ, an update was interrupted, so `current` comes first. A larger number is the newer key. From one key, which
    every agent has, a rotation begins.

    Raises OperationError if `current` would bring back an older key, takes the first step back, or skips a step.
    """
    first, *others = current
    if max(current) < max(confirmed) or any(each < max(confirmed) and each not in confirmed for each in current):
        key = f"{PROJECT}:{setting}"
        raise OperationError(
            f"{key} is {list(current)}, but the agents have {list(confirmed)}: the settings file may be older than "
            f"the stack. Run pulumi config set {key} '{list(confirmed)}' first"
        )
    for refusal in refusals({setting: [*confirmed]}, {setting: [*current]}):
        raise OperationError(refusal)
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


@dataclass(frozen=True)
class Rotation:
    """A rotation: the setting, a function that plans the steps, and one that proves the end.

    `plan` returns the setting's coming values, given its value now and the cluster. `prove` gets the cluster before and
    after the rotation. `prepare` is called before each step, with the cluster and the setting's next value.
    """

    setting: str
    plan: Callable[[Sequence[int], RecordedCluster], list[list[int]]]
    prove: Callable[[RecordedCluster, RecordedCluster], str]
    prepare: Callable[[RecordedCluster, list[int]], None] = lambda _cluster, _generations: None


def rotate(target: Target, server: Server, rotation: Rotation) -> str:
    """Take all steps of a rotation; return a summary of the writes meanwhile.

    Raises OperationError if a step fails. The same command goes on from there.
    """
    first = cluster = target.cluster()
    before = target.generations(rotation.setting, cluster)
    coming = rotation.plan(before, cluster)
    with writing(server) as writes:
        for number, generations in enumerate(coming, 1):
            rotation.prepare(cluster, generations)
            print(f"Step {number} of {len(coming)}: {rotation.setting} is {generations}", flush=True)
            cluster = _update(target, rotation, before, generations)
            before = generations
        print(rotation.prove(first, cluster), flush=True)
    return (
        f"{len(writes.numbers)} writes were acknowledged meanwhile, and none is lost. "
        f"The longest time without one was {writes.longest_gap:.2f} s"
    )


def _update(target: Target, rotation: Rotation, before: list[int], generations: list[int]) -> RecordedCluster:
    """Take one step: change the setting, run `pulumi up`, and check in the state that every agent has confirmed it.

    Returns the cluster in the state after the update.
    """
    key = f"{PROJECT}:{rotation.setting}"
    run(target.pulumi("config", "set", key, json.dumps(generations)))
    try:
        run_in_terminal(target.pulumi("up", *(["--yes"] if target.yes else [])))
    except OperationError:
        # The update may have failed after the last step was confirmed. The same command would begin another rotation.
        if max(rotation.plan(generations, target.cluster())[0]) > max(generations):
            raise OperationError(
                "The rotation is complete, so do not run the command again. But pulumi up failed afterwards: repair "
                f"the cause, and run pulumi up --stack {target.stack}"
            ) from None
        raise
    cluster = target.cluster()
    if cluster.generations(rotation.setting) != generations:
        run(target.pulumi("config", "set", key, json.dumps(before)))
        raise OperationError(
            f"pulumi up did not change the keys to {generations}: the program of this stack does not read the setting "
            f"{key}. Change {rotation.setting} in the program, one step at a time (docs/operations.md)"
        )
    return cluster
