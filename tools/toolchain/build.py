"""Build the missing parts, several at a time, and run commands beside them."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tools.toolchain import cache, consul_archive, debian, go_build, golang, json_schemas, pip_install, pulumi_home
from tools.toolchain.commands import run
from tools.toolchain.errors import ToolchainError
from tools.toolchain.parts import (
    ConsulImagePart,
    DebianPart,
    GoPart,
    Part,
    PulumiHomePart,
    PythonPart,
    SchemasPart,
    named,
)
from tools.toolchain.progress import Progress, Task


@dataclass(frozen=True)
class Step:
    """A command that runs during the build, after the parts and steps in `needs`."""

    name: str
    command: str
    """A program and its arguments, as in a shell. The progress shows the last line of its output."""
    needs: tuple[str, ...] = ()
    after: str = ""
    """Always empty; a part has it too."""
    cpu_seconds: int = 30
    """What it takes; for the estimate of the time that is left."""

    @property
    def log(self) -> Path:
        """Return its log file, in the virtual environment: the cache is for all checkouts."""
        return Path(sys.prefix, f"{self.name}.log")


def with_needs(parts: Iterable[Part]) -> list[Part]:
    """Return the parts and what they need, each once, needs first."""
    ordered: dict[str, Part] = {}
    for part in parts:
        for each in (*with_needs(named(need) for need in part.needs), part):
            ordered.setdefault(each.name, each)
    return list(ordered.values())


def build(parts: Iterable[Part], console: Console, steps: Sequence[Step] = ()) -> int:
    """Build the missing ones of `parts` and of the parts that they need, and run `steps`; return the number of parts.

    Raises ToolchainError if a part or a step fails, with the reason or the end of the log.
    """
    missing = [part for part in with_needs(part for part in parts if not part.built) if not part.built]
    if not missing and not steps:
        return 0
    try:
        asyncio.run(_build([*missing, *steps], Progress(console)))
    except* (ToolchainError, OSError) as errors:
        first = errors.exceptions[0]
        if isinstance(first, ToolchainError):
            raise first from None
        # Such as a full disk, on which the log cannot be written either.
        raise ToolchainError(
            f"{first}. Repair it, and run the same command again: parts that are built stay."
        ) from None
    except* (asyncio.CancelledError, KeyboardInterrupt):
        raise ToolchainError("Stopped. Run the same command again to continue: parts that are built stay.") from None
    return len(missing)


async def _build(parts: list[Part | Step], progress: Progress) -> None:
    this = asyncio.current_task()
    assert this  # noqa: S101 - asyncio.run made it
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    families = {part.family: cache.Lock(f"modules-{part.family}") for part in _go(parts)}
    in_use = cache.Lock("go")
    for lock in (in_use, *families.values()):
        while not lock.take(shared=True):  # another process is deleting these caches
            await asyncio.sleep(1)
    display = asyncio.create_task(progress.show())
    try:
        async with asyncio.TaskGroup() as group:
            await _make_all(parts, families, group, progress)
        # Other processes that still build need Go's caches; the last one deletes them.
        if in_use.take():
            shutil.rmtree(golang.caches(), ignore_errors=True)
    finally:
        for lock in (in_use, *families.values()):
            lock.release()
        display.cancel()


async def _make_all(
    parts: list[Part | Step], families: dict[str, cache.Lock], group: asyncio.TaskGroup, progress: Progress
) -> None:
    """Make each part when those that it waits for are made. If several are ready, start with the longest build."""
    shown = {part.name: progress.task(part.name, part.cpu_seconds) for part in parts}
    waiting = sorted(parts, key=lambda part: part.cpu_seconds, reverse=True)
    running: dict[asyncio.Task[None], Part | Step] = {}
    while waiting or running:
        unmade = {part.name for part in (*waiting, *running.values())}
        for part in [part for part in waiting if unmade.isdisjoint((*part.needs, part.after))]:
            # Only Go builds keep the cores busy; the others mostly wait.
            if not isinstance(part, GoPart) or len(_go(running.values())) < golang.AT_ONCE:
                waiting.remove(part)
                running[group.create_task(_complete(part, shown[part.name], progress))] = part
        finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            task.result()  # raises its error
        made = [running.pop(task) for task in finished]
        unfinished = {part.family for part in _go((*waiting, *running.values()))}
        for family in {part.family for part in _go(made)} - unfinished:
            # Modules take more space than the results. The lock is not free if another process needs them.
            if families[family].take() and (modules := golang.modules(family)).exists():
                unused = modules.rename(modules.with_name(f"{family}.{os.getpid()}.unused"))
                group.create_task(asyncio.to_thread(shutil.rmtree, unused, ignore_errors=True))
            families[family].release()


def _go(parts: Iterable[Part | Step]) -> list[GoPart]:
    return [part for part in parts if isinstance(part, GoPart)]


async def _complete(part: Part | Step, task: Task, progress: Progress) -> None:
    await (_run(part, task) if isinstance(part, Step) else _make_unless_built(part, task))
    progress.finish(task)


async def _run(step: Step, task: Task) -> None:
    task.now("started")
    with step.log.open("w") as log:
        await run(shlex.split(step.command), log, cwd=Path.cwd(), each=lambda line: task.now(line.strip()))


async def _make_unless_built(part: Part, task: Task) -> None:
    lock = cache.Lock(part.name)
    try:
        while not lock.take():
            task.now(f"waiting for process {lock.holder()}, which builds it too")
            await asyncio.sleep(1)
        if not part.built:
            await _make(part, task)
    finally:
        lock.release()


async def _make(part: Part, task: Task) -> None:
    log_path = cache.log(part.name)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with cache.publish(part.folder) as to, log_path.open("w") as log:
        match part:
            case GoPart():
                await go_build.make(part, to, task, log)
            case DebianPart():
                await debian.make(part, to, task, log)
            case ConsulImagePart():
                await asyncio.to_thread(consul_archive.make, part, to, task)
            case SchemasPart():
                await json_schemas.make(part, to, task, log)
            case PythonPart():
                await pip_install.make(part, to, task, log)
            case PulumiHomePart():
                await pulumi_home.make(part, to, task, log)
            case _:
                raise TypeError(part)
