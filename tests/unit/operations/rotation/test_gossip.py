"""The steps of a rotation, and where an interrupted one goes on, with a stack that takes no time."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.changes.refusals import refusals
from components.naming import Naming
from operations.commands import OperationError
from operations.rotation import gossip
from operations.rotation.gossip import Target, rotate_gossip, steps
from operations.rotation.writes import Writes
from operations.server import Server
from operations.state import RecordedCluster

SERVER = Server(Naming("consul", "shop"))


@pytest.mark.parametrize(
    ("current", "confirmed", "coming"),
    [
        ([1], [1], [[1, 2], [2, 1], [2]]),
        ([1, 2], [1], [[1, 2], [2, 1], [2]]),
        ([1, 2], [1, 2], [[2, 1], [2]]),
        ([2, 1], [1, 2], [[2, 1], [2]]),
        ([2, 1], [2, 1], [[2]]),
        ([2], [2, 1], [[2]]),
        ([2], [2], [[2, 3], [3, 2], [3]]),
    ],
)
def test_a_rotation_goes_on_from_where_it_is(current: list[int], confirmed: list[int], coming: list[list[int]]) -> None:
    assert list(steps(current, confirmed)) == coming


@pytest.mark.parametrize(("current", "confirmed"), [([1], [1, 2]), ([1], [2]), ([1, 2], [2, 3]), ([2, 1], [2])])
def test_an_old_settings_file_brings_no_old_key_back(current: list[int], confirmed: list[int]) -> None:
    with pytest.raises(OperationError, match="the settings file may be older than the stack"):
        list(steps(current, confirmed))


KEYRINGS = st.lists(st.integers(1, 5), min_size=1, max_size=2, unique=True)


@given(KEYRINGS, KEYRINGS)
def test_no_step_is_refused_unless_the_setting_already_is(current: list[int], confirmed: list[int]) -> None:
    before = confirmed
    try:
        coming = list(steps(current, confirmed))
    except OperationError:
        return
    for number, after in enumerate(coming):
        assert number == 0 or not list(refusals({"gossipKeys": before}, {"gossipKeys": after}))
        before = after
    assert before == [max(before)]


@dataclass
class Stack:
    """A stack: its setting, what was confirmed, the updates, and how many of them succeed."""

    setting: list[int] | None = None
    confirmed: Any = field(default_factory=lambda: {"gossipKeys": [1.0], "members": 6.0})
    updates: list[list[int]] = field(default_factory=list[list[int]])
    succeed: int = 9
    reads_setting: bool = True
    members: str = ""

    def run(self, command: Sequence[str]) -> str:
        if "set" in command:
            self.setting = json.loads(command[4])
            return ""
        assert list(command) == ["pulumi", "config", "--json", "--stack", "blue", "--config-file", "blue.yaml"]
        # Without a setting, Pulumi prints the default in Pulumi.yaml.
        value = {"value": json.dumps(self.setting or [1]), "secret": False}
        return json.dumps({"consul-cluster:gossipKeys": value} if self.reads_setting else {})

    def up(self, command: Sequence[str]) -> None:
        assert list(command) == ["pulumi", "up", "--yes", "--stack", "blue", "--config-file", "blue.yaml"]
        assert self.setting
        if len(self.updates) == self.succeed:
            raise OperationError("pulumi up did not succeed")
        self.updates.append(self.setting)
        if self.reads_setting:
            self.confirmed = {"gossipKeys": [float(each) for each in self.setting], "members": 6.0}

    def cluster(self, stack: str, component: str | None, namespace: str | None) -> RecordedCluster:
        assert (stack, component, namespace) == ("blue", "consul", None)
        record = {"gossipKey": "fp1", "gossipKey-2": "fp2", "gossipKey-3": "fp3"}
        return RecordedCluster(SERVER.naming, "CA", {"consul": record, "consul-healthy": self.confirmed})


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack whose members have the key that the last update confirmed."""
    stack = Stack()

    @contextmanager
    def writing(server: Server) -> Generator[Writes]:
        assert server == SERVER
        yield Writes([1, 2, 3], [0.0, 0.1, 0.35])

    def members(_server: Server, script: str) -> str:
        assert "look_at_keys" in script
        (key,) = stack.confirmed["gossipKeys"]
        return stack.members or f"accepted fp{key:.0f} 6\nprimary fp{key:.0f} 6\nmembers 6\n"

    for name, replacement in {
        "run": stack.run,
        "run_in_terminal": stack.up,
        "cluster_of": stack.cluster,
        "writing": writing,
    }.items():
        monkeypatch.setattr(gossip, name, replacement)
    monkeypatch.setattr(Server, "run", members)
    return stack


TARGET = Target("blue", ["--config-file", "blue.yaml"], True, "consul", None)


def test_three_updates_replace_the_key(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    said = rotate_gossip(TARGET, SERVER)
    assert stack.updates == [[1, 2], [2, 1], [2]]
    assert "3 writes were acknowledged meanwhile, and none is lost. The longest time without one was 0.25 s" in said
    printed = capsys.readouterr().out
    assert "Step 2 of 3: gossipKeys is [2, 1]" in printed
    assert "All 6 members accept and use the gossip key 2 alone" in printed


@pytest.mark.parametrize("succeed", [0, 1, 2])
def test_the_same_command_goes_on_after_an_update_that_failed(stack: Stack, succeed: int) -> None:
    stack.succeed = succeed
    with pytest.raises(OperationError, match="did not succeed"):
        rotate_gossip(TARGET, SERVER)
    stack.succeed = 9
    rotate_gossip(TARGET, SERVER)
    assert stack.updates == [[1, 2], [2, 1], [2]]


def test_a_stack_from_before_there_were_generations_has_the_first(stack: Stack) -> None:
    stack.confirmed = True
    rotate_gossip(TARGET, SERVER)
    assert stack.updates == [[1, 2], [2, 1], [2]]


def test_a_program_that_does_not_use_the_setting_is_told_so(stack: Stack) -> None:
    stack.reads_setting = False
    with pytest.raises(OperationError, match="does not read the setting consul-cluster:gossipKeys"):
        rotate_gossip(TARGET, SERVER)
    assert stack.updates == [[1, 2]]
    assert stack.setting == [1]


@pytest.mark.parametrize(
    "members",
    [
        "accepted fp2 6\nprimary fp2 5\nprimary fp1 1\nmembers 6",
        "accepted fp1 6\naccepted fp2 6\nprimary fp2 6\nmembers 6",
        "accepted fp1 6\nprimary fp1 6\nmembers 6",
        "accepted fp2 5\nprimary fp2 5\nmembers 5",
    ],
)
def test_members_with_another_key_are_no_proof(stack: Stack, members: str) -> None:
    stack.members = members
    with pytest.raises(OperationError, match="not all 6 members have the key 2, with the fingerprint fp2"):
        rotate_gossip(TARGET, SERVER)


@pytest.mark.parametrize("setting", [[1, 1], [1, 2, 3], [0], 2])
def test_an_invalid_setting_is_an_error(stack: Stack, setting: Any) -> None:
    stack.setting = setting
    with pytest.raises(OperationError, match=r"consul-cluster:gossipKeys = .* cannot be used"):
        rotate_gossip(TARGET, SERVER)
    assert stack.updates == []
