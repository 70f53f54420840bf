"""Build the missing parts, two at a time."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterable

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


def with_needs(parts: Iterable[Part]) -> list[Part]:
    """Return the parts and what they need, each once, needs first."""
    ordered: dict[str, Part] = {}
    for part in parts:
        for each in (*with_needs(named(need) for need in part.needs), part):
            ordered.setdefault(each.name, each)
    return list(ordered.values())


def build(parts: Iterable[Part], console: Console) -> int:
    """Build the missing ones of `parts` and of the parts that they need; return their number.

    Raises ToolchainError if one fails, with the end of the log or the reason.
    """
    missing = [part for part in with_needs(part for part in parts if not part.built) if not part.built]
    if not missing:
        return 0
    try:
        asyncio.run(_build(missing, Progress(console)))
    except* (ToolchainError, OSError) as errors:
        first = errors.exceptions[0]
        if isinstance(first, ToolchainError):
            raise first from None
        # Such as a full disk, on which the log cannot be written either.
        raise ToolchainError(
            f"{first}. Repair it, and run the same command again: parts that are built stay."
        ) from None
    except* (asyncio.CancelledError, KeyboardInterrupt):
        raise ToolchainError("Stopped. `toolchain build` continues from here: parts that are built stay.") from None
    return len(missing)


async def _build(parts: list[Part], progress: Progress) -> None:
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
    parts: list[Part], families: dict[str, cache.Lock], group: asyncio.TaskGroup, progress: Progress
) -> None:
    """Make each part when those that it waits for are made. If several are ready, start with the longest build."""
    shown = {part.name: progress.task(part.name, part.cpu_seconds) for part in parts}
    waiting = sorted(parts, key=lambda part: part.cpu_seconds, reverse=True)
    running: dict[asyncio.Task[None], Part] = {}
    while waiting or running:
        unmade = {part.name for part in (*waiting, *running.values())}
        for part in [part for part in waiting if unmade.isdisjoint((*part.needs, part.after))]:
            # Only Go builds keep the cores busy; the others take seconds.
            if not isinstance(part, GoPart) or len(_go(running.values())) < golang.AT_ONCE:
                waiting.remove(part)
                running[group.create_task(_make_unless_built(part, shown[part.name], progress))] = part
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


def _go(parts: Iterable[Part]) -> list[GoPart]:
    return [part for part in parts if isinstance(part, GoPart)]


async def _make_unless_built(part: Part, task: Task, progress: Progress) -> None:
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
