"""A rotation of the ACL tokens, and where an interrupted one goes on."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.changes.refusals import refusals
from components.trust.generations import TOKEN_SETTINGS
from operations.cli import TokenSetting
from operations.commands import OperationError
from operations.rotation.tokens import rotate_tokens, token_steps
from operations.server import Server
from tests.support.rotation import SERVER, TARGET, Stack, answer_no, fail_and_repeat, stack

ALL = [[2, 1], [2]]
rotate_agents = partial(rotate_tokens, settings=["agentKeys"])


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack whose Consul cluster has the tokens in `tokens`, by accessor ID, and the descriptions."""
    cluster = stack("agentKeys", monkeypatch)
    cluster.answer = {"new": "consul-cluster server-2", "own": "Initial Management Token", "alice": "by hand"}

    def answer(_server: Server, path: str) -> Any:
        if path == "acl/token/self":
            return {"AccessorID": "own"}
        assert path == "acl/tokens"
        return [{"AccessorID": accessor, "Description": text} for accessor, text in cluster.answer.items()]

    monkeypatch.setattr(Server, "call", answer)
    return cluster


FIRST = {setting: [1] for setting in TOKEN_SETTINGS}


@pytest.mark.parametrize(
    ("current", "confirmed", "coming"),
    [
        ([1], [1], ALL),
        ([2, 1], [1], ALL),
        ([2, 1], [2, 1], [[2]]),
        ([2], [2, 1], [[2]]),
        ([2], [2], [[3, 2], [3]]),
        ([1, 2], [1], [[1, 2], *ALL]),
    ],
)
def test_a_rotation_goes_on_from_where_it_is(current: list[int], confirmed: list[int], coming: list[list[int]]) -> None:
    steps = token_steps({"agentKeys": current}, FIRST | {"agentKeys": confirmed})
    assert steps == [{"agentKeys": value} for value in coming]


def test_all_settings_get_the_same_new_generation_whose_seed_is_new() -> None:
    confirmed = FIRST | {"metricsKeys": [4], "serviceKeys": [2]}
    assert token_steps({"agentKeys": [1], "serviceKeys": [2]}, confirmed) == [
        {"agentKeys": [5, 1], "serviceKeys": [5, 2]},
        {"agentKeys": [5], "serviceKeys": [5]},
    ]


def test_an_interrupted_rotation_is_finished_before_another_begins() -> None:
    # Killed between the changes of the two settings for the last step; then somebody ran `pulumi up`.
    confirmed = FIRST | {"agentKeys": [2], "metricsKeys": [2, 1]}
    assert token_steps({"agentKeys": [2], "metricsKeys": [2, 1]}, confirmed) == [{"metricsKeys": [2]}]


def test_the_last_step_revokes_the_old_tokens_of_all_settings() -> None:
    assert token_steps({"agentKeys": [2, 1], "metricsKeys": [2, 1]}, FIRST | {"metricsKeys": [2, 1]}) == [
        {"agentKeys": [2, 1]},
        {"agentKeys": [2], "metricsKeys": [2]},
    ]


GENERATIONS = st.lists(st.integers(1, 4), min_size=1, max_size=2, unique=True)
SETTINGS = st.fixed_dictionaries({"agentKeys": GENERATIONS, "metricsKeys": GENERATIONS}).map(FIRST.__or__)


@given(SETTINGS, SETTINGS)
def test_no_step_is_refused_unless_the_setting_already_is(
    current: Mapping[str, list[int]], confirmed: Mapping[str, list[int]]
) -> None:
    try:
        coming = token_steps(dict(current), confirmed)
    except OperationError:
        return
    before = dict(confirmed)
    for step in coming:
        assert list(refusals(before, before | dict(step))) == []
        before |= step
    changed = {setting for step in coming for setting in step}
    assert all(len(before[setting]) == 1 for setting in changed)


def test_an_old_settings_file_brings_no_old_token_back() -> None:
    with pytest.raises(OperationError, match="the settings file may be older than the stack"):
        token_steps({"agentKeys": [1]}, FIRST | {"agentKeys": [2]})
    with pytest.raises(OperationError, match=r"Set it to \[2, 1\] first"):
        token_steps({"agentKeys": [2]}, FIRST)


def test_two_updates_replace_the_tokens(cluster: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    said = rotate_agents(TARGET, SERVER)
    assert cluster.updates == ALL
    assert (
        "6 writes were acknowledged during the updates, and none is lost. The longest time without one was 0.25 s"
        in said
    )
    printed = capsys.readouterr().out
    assert printed.index("Step 1 of 2: agentKeys is [2, 1]") < printed.index("Before the old tokens are revoked")
    assert printed.index("Before the old tokens are revoked") < printed.index("Step 2 of 2: agentKeys is [2]")
    assert "Consul has all 2 declared tokens, and none of the 1 revoked ones" in printed


def test_the_end_of_an_interrupted_rotation_names_what_is_not_rotated(
    cluster: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.generations, cluster.confirmed["agentKeys"] = [2, 1], [2.0, 1.0]
    rotate_tokens(TARGET, SERVER, ["agentKeys", "metricsKeys"])
    assert cluster.updates == [[2]]
    assert "run the command again to rotate metricsKeys" in capsys.readouterr().out


@pytest.mark.parametrize("succeed", [0, 1])
def test_the_same_command_goes_on_after_an_update_that_failed(cluster: Stack, succeed: int) -> None:
    fail_and_repeat(cluster, rotate_agents, succeed)
    assert cluster.updates == ALL


def test_a_failure_after_the_last_step_begins_no_other_rotation(cluster: Stack) -> None:
    cluster.late = len(ALL)
    with pytest.raises(OperationError, match="But pulumi up failed afterwards"):
        rotate_agents(TARGET, SERVER)


def test_no_token_ends_before_the_other_projects_are_ready(cluster: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_no(rotate_agents, monkeypatch)
    assert cluster.updates == [[2, 1]]


@pytest.mark.parametrize(
    ("tokens", "complaint"),
    [
        ({"old": "consul-cluster server"}, r"still has the old tokens \['old'\]"),
        ({"first": "Initial Management Token"}, r"still has the old tokens \['first'\]"),
        ({"new": None}, r"does not have the tokens \['management-2', 'new'\]"),
    ],
)
def test_other_tokens_are_no_proof(cluster: Stack, tokens: dict[str, str | None], complaint: str) -> None:
    cluster.answer = {accessor: text for accessor, text in (cluster.answer | tokens).items() if text}
    with pytest.raises(OperationError, match=complaint):
        rotate_agents(TARGET, SERVER)


def test_the_command_knows_the_settings_of_tokens() -> None:
    assert [setting.value for setting in TokenSetting] == [*TOKEN_SETTINGS]
