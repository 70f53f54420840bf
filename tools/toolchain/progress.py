"""The progress display while parts are built: a table on a terminal, otherwise a line every 15 s."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from tools.toolchain.golang import AT_ONCE, CORES

LINE_EVERY = 15.0
"""Seconds between lines if the output is not a terminal."""

COMPILING, LINKING = "compiling", "linking"
"""The phases of a Go part. Nearly all of its work is compiling."""

_ASSUMED_CPU_SECONDS = 30.0
"""Work that is assumed to have been done at full speed on all cores, so that the first estimates do not jump."""


@dataclass
class Task:
    """The progress of one part."""

    name: str
    cpu_seconds: int = 0
    """What the build is expected to take."""
    phase: str = "queued"
    compiles: bool = False
    """Whether compilers do most of the work."""
    done: int = 0
    total: int = 0
    started: float | None = None
    finished: float | None = None

    def now(self, phase: str, total: int = 0) -> None:
        """Enter a phase; `total` is its number of steps, 0 if unknown."""
        self.phase, self.done, self.total = phase, 0, total
        self.compiles = self.compiles or phase == COMPILING
        self.started = self.started or time.monotonic()

    def finish(self) -> None:
        """Stop the clock."""
        self.phase, self.done, self.total, self.finished = "done", 0, 0, time.monotonic()

    @property
    def seconds(self) -> float:
        """Return the seconds since the start, or from start to end."""
        if self.started is None:
            return 0.0
        return (self.finished or time.monotonic()) - self.started

    def work_done(self, pace: float) -> float:
        """Return how many CPU seconds of the work are done, at most `pace` for each second since the start."""
        if self.finished or self.phase == LINKING:
            return self.cpu_seconds
        if self.phase != COMPILING or not self.total:
            return 0
        # The largest packages are often the last ones, so the share of packages is too optimistic.
        return min(self.cpu_seconds * self.done / self.total, self.seconds * pace)

    def __str__(self) -> str:
        """Return the phase and the count, such as `compiling 120 of 900`."""
        if self.total:
            return f"{self.phase} {min(self.done, self.total)} of {self.total}"
        return f"{self.phase} {self.done}" if self.done else self.phase


def clock(seconds: float) -> str:
    """Return minutes and seconds, such as `3:07`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


@dataclass
class Progress:
    """The progress of all parts."""

    console: Console
    tasks: list[Task] = field(default_factory=list[Task])
    started: float = field(default_factory=time.monotonic)

    def task(self, name: str, cpu_seconds: int) -> Task:
        """Add a part."""
        self.tasks.append(Task(name, cpu_seconds))
        return self.tasks[-1]

    def time_left(self) -> str:
        """Return the estimated time that is left: the work that is left, divided by the speed so far."""
        elapsed = time.monotonic() - self.started
        pace = self._pace()
        done = sum(task.work_done(pace) for task in self.tasks)
        speed = (done + _ASSUMED_CPU_SECONDS) / (elapsed + _ASSUMED_CPU_SECONDS / CORES)
        seconds = (sum(task.cpu_seconds for task in self.tasks) - done) / speed
        return f"about {math.ceil(seconds / 60)} min left" if seconds > 60 else "less than 1 min left"

    def _pace(self) -> float:
        """Return how many CPU seconds of work a part does in a second: first an assumption, later as finished ones."""
        finished = [task for task in self.tasks if task.finished and task.compiles]
        work = sum(task.cpu_seconds for task in finished)
        seconds = sum(task.seconds for task in finished)
        return (_ASSUMED_CPU_SECONDS + work) / (_ASSUMED_CPU_SECONDS * AT_ONCE / CORES + seconds)

    def finish(self, task: Task) -> None:
        """Stop the clock of a part, and print that it is done."""
        task.finish()
        if not self.console.is_terminal:
            self._print(f"{task.name} done in {clock(task.seconds)}")

    async def show(self) -> None:
        """Show the tasks until cancelled."""
        if self.console.is_terminal:
            with Live(get_renderable=self._table, console=self.console, refresh_per_second=4):
                await asyncio.Event().wait()
        while True:
            await asyncio.sleep(LINE_EVERY)
            running = [task for task in self.tasks if task.started is not None and task.finished is None]
            if running:
                self._print("; ".join(f"{task.name} {task}, {clock(task.seconds)}" for task in running))

    def _finished(self) -> str:
        finished = sum(task.finished is not None for task in self.tasks)
        left = f", {self.time_left()}" if finished < len(self.tasks) else ""
        return f"{finished} of {len(self.tasks)} steps{left}"

    def _print(self, text: str) -> None:
        elapsed = clock(time.monotonic() - self.started)
        self.console.print(f"[{elapsed}] {self._finished()}: {text}", markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        title = f"{self._finished()}, {clock(time.monotonic() - self.started)}"
        phase = Column(no_wrap=True, overflow="ellipsis")
        table = Table("part", phase, "time", title=title, box=None, title_justify="left")
        for task in self.tasks:
            style = "green" if task.finished else "dim" if task.started is None else ""
            table.add_row(task.name, Text(str(task)), clock(task.seconds) if task.started else "", style=style)
        return table
