"""Go programs, from the module that pins them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO

from tools.toolchain import golang
from tools.toolchain.commands import run
from tools.toolchain.parts import GoPart
from tools.toolchain.progress import Task

_DOWNLOADING = "go: downloading "


async def make(part: GoPart, to: Path, task: Task, log: IO[str]) -> None:
    """Build the programs of `part` into `to`/bin."""
    programs = to / "bin"
    programs.mkdir()
    # A module has either a main of ours, or `tool` lines that name the mains it is for.
    source = "." if (part.module / "main.go").exists() else "tool"
    output = programs / part.makes[0] if len(part.makes) == 1 else f"{programs}/"
    env = golang.environment()

    packages = await _stale(part, source, task, log)
    task.now("compiling", packages)

    def count(line: str) -> None:
        task.done += 1
        if task.done >= packages:
            task.now("linking")

    variables = [f"-X {name}={value}" for name, value in part.variables]
    linker = " ".join((*golang.LINKER_FLAGS, *variables))
    command = ["go", "build", "-v", *_flags(part), f"-ldflags={linker}", "-o", output, source]
    await run(command, log, cwd=part.module, env=env, each=count)

    for file in part.beside:
        module, path = file.split("@")
        folder: list[str] = []
        await run(["go", "list", "-m", "-f", "{{.Dir}}", module], log, cwd=part.module, env=env, each=folder.append)
        shutil.copyfile(Path(folder[-1], path), programs / Path(path).name)


def _flags(part: GoPart) -> list[str]:
    return [*golang.FLAGS, f"-tags={','.join(part.tags)}"]


async def _stale(part: GoPart, source: str, task: Task, log: IO[str]) -> int:
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
    command = ["go", "list", "-deps", *_flags(part), "-f", stale, source]
    await run(command, log, cwd=part.module, env=golang.environment(), each=count)
    return packages
