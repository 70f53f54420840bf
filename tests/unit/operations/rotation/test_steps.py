"""The steps of a rotation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.changes.refusals import refusals
from components.trust.generations import GOSSIP_KEYS
from operations.commands import OperationError
from operations.rotation.steps import steps


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
    assert list(steps(GOSSIP_KEYS, current, confirmed)) == coming


@pytest.mark.parametrize(("current", "confirmed"), [([1], [1, 2]), ([1], [2]), ([1, 2], [2, 3]), ([2, 1], [2])])
def test_an_old_settings_file_brings_no_old_key_back(current: list[int], confirmed: list[int]) -> None:
    with pytest.raises(OperationError, match="the settings file may be older than the stack"):
        list(steps(GOSSIP_KEYS, current, confirmed))


def test_a_skipped_step_is_an_error_before_anything_happens() -> None:
    with pytest.raises(OperationError, match=r"Set it to \[2, 1\] first"):
        list(steps(GOSSIP_KEYS, [2], [1, 2]))


GENERATIONS = st.lists(st.integers(1, 5), min_size=1, max_size=2, unique=True)


@given(GENERATIONS, GENERATIONS)
def test_no_step_is_refused_unless_the_setting_already_is(current: list[int], confirmed: list[int]) -> None:
    before = confirmed
    try:
        coming = list(steps(GOSSIP_KEYS, current, confirmed))
    except OperationError:
        return
    for number, after in enumerate(coming):
        assert number == 0 or not list(refusals({GOSSIP_KEYS: before}, {GOSSIP_KEYS: after}))
        before = after
    assert before == [max(before)]
