"""A stack whose updates take no time, with agents that have the keys which its last update confirmed."""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import typer

from components.changes.mark import healthy_mark
from components.naming import Naming
from operations.commands import OperationError
from operations.rotation import steps
from operations.rotation.steps import Target
from operations.rotation.writes import Writes
from operations.server import Server
from operations.state import RecordedCluster
from tests.support.graph import development

SERVER = Server(Naming("consul", "shop"))
TARGET = Target("blue", ["--config-file", "blue.yaml"], True, "consul", None)


@dataclass
class Stack:
    """A stack: the generations of the key that `setting` lists, what was confirmed, the updates, how many succeed."""

    setting: str
    generations: Any = None
    confirmed: Any = field(default_factory=lambda: {"caKeys": [1.0], "gossipKeys": [1.0], "members": 6.0})
    updates: list[list[int]] = field(default_factory=list[list[int]])
    succeed: int = 9
    late: int = 9
    """The number of the update that fails after the agents have confirmed it."""
    reads_setting: bool = True
    answer: Any = None

    def run(self, command: Sequence[str]) -> str:
        if "set" in command:
            assert command[3] == f"consul-cluster:{self.setting}"
            self.generations = json.loads(command[4])
            return ""
        assert list(command) == ["pulumi", "config", "--json", "--stack", "blue", "--config-file", "blue.yaml"]
        # Without a setting, Pulumi prints the default in Pulumi.yaml.
        value = {"value": json.dumps(self.generations or [1]), "secret": False}
        return json.dumps({f"consul-cluster:{self.setting}": value} if self.reads_setting else {})

    def up(self, command: Sequence[str]) -> None:
        asked = [each for each in command if each != "--yes"]
        assert asked == ["pulumi", "up", "--stack", "blue", "--config-file", "blue.yaml"]
        assert self.generations
        if len(self.updates) == self.succeed:
            raise OperationError("pulumi up did not succeed")
        self.updates.append(self.generations)
        if self.reads_setting:
            before = self.cluster("blue", "consul", None).confirmed
            declared = {self.setting.replace("Keys", "_keys"): tuple(self.generations)}
            mark = healthy_mark(development(**declared), before)
            self.confirmed = json.loads(json.dumps(mark), parse_int=float)
            if len(self.updates) == self.late:
                raise OperationError("an Ingress was not ready")

    def cluster(self, stack: str, component: str | None, namespace: str | None) -> RecordedCluster:
        assert (stack, component, namespace) == ("blue", "consul", None)
        fingerprints = {"gossipKey": "fp1", "gossipKey-2": "fp2", "gossipKey-3": "fp3"}
        tokens = {"aclEnabled": True, "accessors": ["new", "management-2"], "revokedAccessors": ["old"]}
        record = {**fingerprints, **tokens, "serverReplicas": 3.0}
        found = RecordedCluster(SERVER.naming, {}, {"consul": record, "consul-healthy": self.confirmed})
        certificates = {f"ca-{number}": f"CA {number}\n" for number in found.generations("caKeys")}
        return RecordedCluster(found.naming, certificates, found.stashes)


def stack(setting: str, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack that takes the place of the programs which a rotation calls; `setting` lists the key's numbers."""
    stack = Stack(setting)

    @contextmanager
    def writing(server: Server, pods: Sequence[str]) -> Generator[Writes]:
        assert (server, pods) == (SERVER, ["consul-0", "consul-1", "consul-2"])
        yield Writes(["a", "b", "c"], [0.1, 0.0, 0.35])

    for name, replacement in {
        "run": stack.run,
        "run_in_terminal": stack.up,
        "cluster_of": stack.cluster,
        "writing": writing,
    }.items():
        monkeypatch.setattr(steps, name, replacement)
    return stack


def fail_and_repeat(stack: Stack, command: Callable[[Target, Server], str], succeed: int) -> None:
    """Run a command whose update number `succeed` fails, counted from zero, and run it again."""
    stack.succeed = succeed
    with pytest.raises(OperationError, match="did not succeed"):
        command(TARGET, SERVER)
    stack.succeed = 9
    command(TARGET, SERVER)


def answer_no(command: Callable[[Target, Server], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command that asks a question, and answer no, which ends it."""

    def no(_question: str, *, abort: bool) -> None:
        assert abort
        raise typer.Abort

    monkeypatch.setattr(typer, "confirm", no)
    with pytest.raises(typer.Abort):
        command(replace(TARGET, yes=False), SERVER)
