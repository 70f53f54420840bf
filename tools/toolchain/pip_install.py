"""Python packages in a folder of their own, from requirements with hashes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

from tools.toolchain.commands import run
from tools.toolchain.parts import PythonPart
from tools.toolchain.progress import Task

_COLLECTING = "Collecting "


async def make(part: PythonPart, to: Path, task: Task, log: IO[str]) -> None:
    """Install the packages of `part` into `to`, for use as PYTHONPATH."""
    task.now("installing packages", part.requirements.read_text().count("=="))

    def count(line: str) -> None:
        task.done += line.startswith(_COLLECTING)

    requirements = ["--require-hashes", "--requirement", part.requirements]
    await run([sys.executable, "-m", "pip", "install", "--target", to, *requirements], log, cwd=to, each=count)
