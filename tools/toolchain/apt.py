"""Download Debian packages with apt and unpack them. Nothing is installed, and the machine's package lists stay."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tools.toolchain.commands import run
from tools.toolchain.errors import ToolchainError

if TYPE_CHECKING:  # `make doctor` imports this module before rich is installed
    from tools.toolchain.progress import Task


def check() -> None:
    """Raise ToolchainError if apt is missing."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise ToolchainError(
                f"`{tool}` was not found: the local Kubernetes takes etcd, containerd and others from Debian packages. "
                "Use a Debian or Ubuntu machine, or your own cluster (make up CLUSTER=current)."
            )


async def unpack(
    packages: Sequence[str], root: Path, task: Task, log: IO[str], *, closure: bool = False, without: Sequence[str] = ()
) -> None:
    """Unpack the packages into `root`. With `closure`, unpack their dependencies too, except those in `without`."""
    check()
    scratch = root.with_name("apt")
    archives = scratch / "archives"
    for folder in (scratch / "lists", archives):
        (folder / "partial").mkdir(parents=True)
    await _download(_closure(packages, scratch) if closure else ["download", *packages], archives, task, log)
    files = [file for file in sorted(archives.glob("*.deb")) if file.name.split("_")[0] not in without]
    task.now("unpacking", len(files))
    for file in files:
        await run(["dpkg-deb", "--extract", file, root], log, cwd=scratch)
        task.done += 1
    shutil.rmtree(scratch)


def _closure(packages: Sequence[str], scratch: Path) -> list[str]:
    """Return arguments with which apt downloads the packages and all dependencies, as for a system without packages."""
    nothing = scratch / "status"
    nothing.touch()
    options = [f"-oDir::State::status={nothing}", f"-oDir::Cache={scratch}", "-oDebug::NoLocking=1"]
    return [*options, "--yes", "--no-install-recommends", "--download-only", "install", *packages]


async def _download(command: Sequence[str], archives: Path, task: Task, log: IO[str]) -> None:
    def count(line: str) -> None:
        task.done += line.startswith("Get:")

    task.now("downloading packages")
    try:
        await run(["apt-get", *command], log, cwd=archives, each=count)
    except ToolchainError:
        # The machine's package lists are missing or outdated. Use separate lists, and leave the machine's as they are.
        own = [f"-oDir::State::Lists={archives.with_name('lists')}", f"-oDir::Cache={archives.parent}"]
        task.now("fetching package lists")
        await run(["apt-get", *own, "update"], log, cwd=archives)
        task.now("downloading packages")
        await run(["apt-get", *own, *command], log, cwd=archives, each=count)
