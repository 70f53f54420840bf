"""A rotation of the gossip key, and where an interrupted one goes on."""

from typing import Any

import pytest

from operations.commands import OperationError
from operations.rotation.gossip import rotate_gossip
from operations.server import Server
from tests.support.rotation import SERVER, TARGET, Stack, fail_and_repeat, stack


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack whose members have the key that the last update confirmed."""
    members = stack("gossipKeys", monkeypatch)

    def answer(_server: Server, script: str) -> str:
        assert "look_at_keys" in script
        (key,) = members.confirmed["gossipKeys"]
        return members.answer or f"accepted fp{key:.0f} 6\nprimary fp{key:.0f} 6\nmembers 6\n"

    monkeypatch.setattr(Server, "run", answer)
    return members


def test_three_updates_replace_the_key(members: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    said = rotate_gossip(TARGET, SERVER)
    assert members.updates == [[1, 2], [2, 1], [2]]
    assert (
        "9 writes were acknowledged during the updates, and none is lost. The longest time without one was 0.25 s"
        in said
    )
    printed = capsys.readouterr().out
    assert "Step 2 of 3: gossipKeys is [2, 1]" in printed
    assert "All 6 members accept and use the gossip key 2 alone" in printed


@pytest.mark.parametrize("succeed", [0, 1, 2])
def test_the_same_command_goes_on_after_an_update_that_failed(members: Stack, succeed: int) -> None:
    fail_and_repeat(members, rotate_gossip, succeed)
    assert members.updates == [[1, 2], [2, 1], [2]]


def test_a_stack_from_before_there_were_generations_has_the_first(members: Stack) -> None:
    members.confirmed = True
    rotate_gossip(TARGET, SERVER)
    assert members.updates == [[1, 2], [2, 1], [2]]


def test_a_program_that_does_not_use_the_setting_is_told_so(members: Stack) -> None:
    members.reads_setting = False
    with pytest.raises(OperationError, match="does not read the setting consul-cluster:gossipKeys"):
        rotate_gossip(TARGET, SERVER)
    assert members.updates == [[1, 2]]
    assert members.generations == [1]


@pytest.mark.parametrize(
    "answer",
    [
        "accepted fp2 6\nprimary fp2 5\nprimary fp1 1\nmembers 6",
        "accepted fp1 6\naccepted fp2 6\nprimary fp2 6\nmembers 6",
        "accepted fp1 6\nprimary fp1 6\nmembers 6",
        "accepted fp2 5\nprimary fp2 5\nmembers 5",
    ],
)
def test_members_with_another_key_are_no_proof(members: Stack, answer: str) -> None:
    members.answer = answer
    with pytest.raises(OperationError, match="not all 6 members have the key 2, with the fingerprint fp2"):
        rotate_gossip(TARGET, SERVER)


@pytest.mark.parametrize("setting", [[1, 1], [1, 2, 3], [0], 2])
def test_an_invalid_setting_is_an_error(members: Stack, setting: Any) -> None:
    members.generations = setting
    with pytest.raises(OperationError, match=r"consul-cluster:gossipKeys = .* cannot be used"):
        rotate_gossip(TARGET, SERVER)
    assert members.updates == []
