"""Go programs, from the module that pins them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO

from tools.toolchain import cache, golang
from tools.toolchain.commands import run
from tools.toolchain.parts import GoPart
from tools.toolchain.progress import COMPILING, LINKING, Task

_DOWNLOADING = "go: downloading "


async def make(part: GoPart, to: Path, task: Task, log: IO[str]) -> None:
    """Build the program of `part` into `to`/bin, and link it to its other names."""
    programs = to / "bin"
    programs.mkdir()
    program = programs / part.makes[0]
    env = golang.environment(part.family)

    packages = await _stale(part, task, log)
    task.now(COMPILING, packages)

    def count(line: str) -> None:
        task.done += 1
        if task.done >= packages:
            task.now(LINKING)

    variables = [f"-X {name}={value}" for name, value in part.variables]
    linker = " ".join((*golang.LINKER_FLAGS, *variables))
    timings = f"-debug-actiongraph={cache.action_graph(part.name)}"
    command = ["go", "build", "-v", timings, *_flags(part), f"-ldflags={linker}", "-o", program, part.main]
    await run(command, log, cwd=part.module, env=env, each=count)
    for name in part.makes[1:]:
        (programs / name).hardlink_to(program)

    for file in part.beside:
        module, path = file.split("@")
        folder: list[str] = []
        await run(["go", "list", "-m", "-f", "{{.Dir}}", module], log, cwd=part.module, env=env, each=folder.append)
        shutil.copyfile(Path(folder[-1], path), programs / Path(path).name)


def _flags(part: GoPart) -> list[str]:
    return [*golang.FLAGS, f"-tags={','.join(part.tags)}"]


async def _stale(part: GoPart, task: Task, log: IO[str]) -> int:
    """Download the modules and return how many packages are to be compiled."""
    task.now("downloading modules")
    packages = 0

    def count(line: str) -> None:
        nonlocal packages
        if line.startswith(_DOWNLOADING):
            task.done += 1
        elif line:
            packages += 1

    stale = "{{if .Stale}}{{.ImportPath}}{{end}}"
    command = ["go", "list", "-deps", *_flags(part), "-f", stale, part.main]
    await run(command, log, cwd=part.module, env=golang.environment(part.family), each=count)
    return packages
