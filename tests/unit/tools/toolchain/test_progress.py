"""The estimate of the time that is left."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from tools.toolchain import progress
from tools.toolchain.progress import COMPILING, LINKING, Progress, Task

CORES = 2
WORK = 1200


class Clock:
    """A clock that tests set."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(progress, "time", own)
    monkeypatch.setattr(progress, "CORES", CORES)
    return own


def minutes(shown: Progress) -> int:
    found = re.search(r"about (\d+) min left", shown.time_left())
    assert found
    return int(found[1])


def start() -> tuple[Progress, Task]:
    shown = Progress(Console(file=io.StringIO()), started=0)
    return shown, shown.task("tool", WORK)


def test_at_first_the_cores_decide(clock: Clock) -> None:
    shown, _ = start()
    assert minutes(shown) == WORK / CORES / 60


@pytest.mark.parametrize(("seconds", "expected"), [(600, 10), (1200, 20)])
def test_later_the_speed_decides(clock: Clock, seconds: float, expected: int) -> None:
    shown, task = start()
    task.started = 0.01
    task.now(COMPILING, 100)
    task.done = 50
    clock.now = seconds
    assert abs(minutes(shown) - expected) <= 1


def test_small_packages_at_the_start_do_not_count_as_half_of_the_work(clock: Clock) -> None:
    shown, task = start()
    task.started = 0.01
    task.now(COMPILING, 100)
    task.done = 90
    clock.now = 60
    assert minutes(shown) >= WORK / CORES / 60 - 1


def test_at_the_end_no_minute_is_left(clock: Clock) -> None:
    shown, task = start()
    clock.now = 600
    task.now(LINKING)
    assert shown.time_left() == "less than 1 min left"
    task.finish()
    assert shown.time_left() == "less than 1 min left"
