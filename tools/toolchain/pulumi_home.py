"""Pulumi for machines that have none: the engine, its Python language host, its providers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import IO

from tools.toolchain.commands import run
from tools.toolchain.environment import OFFLINE
from tools.toolchain.parts import HERE, PROVIDERS, PulumiHomePart, named
from tools.toolchain.progress import Task


async def make(part: PulumiHomePart, to: Path, task: Task, log: IO[str]) -> None:
    """Put the programs into `to`/bin and install the providers into `to` as PULUMI_HOME."""
    task.now("installing providers", len(PROVIDERS))
    programs = to / "bin"
    programs.mkdir()
    pulumi = programs / "pulumi"
    os.link(named("pulumi").folder / "bin" / "pulumi", pulumi)
    for name in ("pulumi-language-python", "language_host.py"):
        shutil.copy(HERE / name, programs)
    # Pulumi keeps a verbose log of each command in this folder, up to 500 MB in all, and no setting switches it off. A
    # file in place of the folder does, and a preview takes a fifth less time.
    (to / "logs").touch()
    env = os.environ | OFFLINE | {"PULUMI_HOME": str(to)}
    for name, version in PROVIDERS.items():
        folder = named(f"provider-{name}").folder / "bin"
        await run([pulumi, "plugin", "install", "resource", name, version, "--file", folder], log, cwd=to, env=env)
        for file in folder.iterdir():  # Replace the copies by hard links, which saves 330 MB.
            copy = to / "plugins" / f"resource-{name}-v{version}" / file.name
            copy.unlink()
            copy.hardlink_to(file)
        task.done += 1
