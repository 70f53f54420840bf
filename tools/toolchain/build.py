"""Build the missing parts, two at a time."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Iterable
from contextlib import nullcontext

from rich.console import Console

from tools.toolchain import cache, consul_archive, debian, go_build, golang, json_schemas, pip_install, pulumi_home
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

AT_ONCE = 2
"""Linking at the end of a build uses one core; a second build uses the others."""


def with_needs(parts: Iterable[Part]) -> list[Part]:
    """Return the parts and what they need, each once, needs first."""
    ordered: dict[str, Part] = {}
    for part in parts:
        for each in (*with_needs(named(need) for need in part.needs), part):
            ordered.setdefault(each.name, each)
    return list(ordered.values())


def build(parts: Iterable[Part], console: Console) -> int:
    """Build the missing ones of `parts` and of the parts that they need; return their number.

    Raises ToolchainError with the end of the log if one fails.
    """
    missing = [part for part in with_needs(part for part in parts if not part.built) if not part.built]
    if not missing:
        return 0
    try:
        asyncio.run(_build(missing, Progress(console)))
    except* ToolchainError as errors:
        raise errors.exceptions[0] from None
    except* (asyncio.CancelledError, KeyboardInterrupt):
        raise ToolchainError("Stopped. `toolchain build` continues from here: parts that are built stay.") from None
    return len(missing)


async def _build(parts: list[Part], progress: Progress) -> None:
    this = asyncio.current_task()
    assert this  # noqa: S101 - asyncio.run made it
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    turns = asyncio.Semaphore(AT_ONCE)
    in_use = cache.Lock("go")
    while not in_use.take(shared=True):  # another process is deleting Go's caches
        await asyncio.sleep(1)
    display = asyncio.create_task(progress.show())
    try:
        async with asyncio.TaskGroup() as group:
            made: dict[str, asyncio.Task[None]] = {}
            for part in parts:
                first = [made[name] for name in (*part.needs, part.after) if name in made]
                task = progress.task(part.name)
                made[part.name] = group.create_task(_make_in_turn(part, first, turns, task, progress))
        # Other processes that still build need Go's caches; the last one deletes them.
        if in_use.take():
            shutil.rmtree(golang.caches(), ignore_errors=True)
    finally:
        in_use.release()
        display.cancel()


async def _make_in_turn(
    part: Part, first: list[asyncio.Task[None]], turns: asyncio.Semaphore, task: Task, progress: Progress
) -> None:
    for other in first:
        await other
    # Only Go builds keep the cores busy; the others take seconds.
    async with turns if isinstance(part, GoPart) else nullcontext():
        lock = cache.Lock(part.name)
        try:
            while not lock.take():
                task.now(f"waiting for process {lock.holder()}, which builds it too")
                await asyncio.sleep(1)
            if not part.built:
                await _make(part, task)
        finally:
            lock.release()
    progress.finish(task)


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
