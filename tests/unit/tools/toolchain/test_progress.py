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
    monkeypatch.setattr(progress, "AT_ONCE", 2)
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


def test_finished_parts_tell_how_quick_the_machine_is(clock: Clock) -> None:
    """On a machine that needs twice the expected time, a part with 99 of 100 packages is not nearly done."""
    shown, last = start()
    first = shown.task("first", WORK)
    first.started = 0.01
    first.now(COMPILING, 100)
    clock.now = 2 * WORK
    first.finish()
    last.started = clock.now
    last.now(COMPILING, 100)
    last.done = 99
    clock.now += WORK
    # In this time the machine did half of its work.
    assert abs(minutes(shown) - WORK / 60) <= 3


def test_a_line_of_a_commands_output_is_shown_as_it_is_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    shown = Progress(console)
    shown.task("step", 1).now("error: [/tmp/x] is full, " + "and more " * 20)
    console.print(shown._table())  # pyright: ignore[reportPrivateUsage]
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert "error: [/tmp/x] is full" in lines[-1]
    assert len(lines) == 3


def test_at_the_end_no_minute_is_left(clock: Clock) -> None:
    shown, task = start()
    clock.now = 600
    task.now(LINKING)
    assert shown.time_left() == "less than 1 min left"
    task.finish()
    assert shown.time_left() == "less than 1 min left"
