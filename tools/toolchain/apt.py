"""Debian packages, fetched by apt and unpacked: nothing is installed, and the machine's own lists stay as they are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tools.toolchain.commands import run
from tools.toolchain.errors import ToolchainError
from tools.toolchain.progress import Task


async def unpack(
    packages: Sequence[str], root: Path, task: Task, log: IO[str], *, closure: bool = False, without: Sequence[str] = ()
) -> None:
    """Unpack the packages into `root`; those of a `closure` with all that they depend on, but for `without`."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise ToolchainError(
                f"There is no `{tool}` on this machine: the local Kubernetes takes etcd, containerd and others "
                "from Debian packages. Use a Debian or Ubuntu machine, or a cluster of your own."
            )
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
    """Have apt install into a system that has nothing yet, and stop after the downloads: it knows what that takes."""
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
        # The machine's package lists are missing or old: use lists of our own, and leave its alone.
        own = [f"-oDir::State::Lists={archives.with_name('lists')}", f"-oDir::Cache={archives.parent}"]
        task.now("fetching package lists")
        await run(["apt-get", *own, "update"], log, cwd=archives)
        task.now("downloading packages")
        await run(["apt-get", *own, *command], log, cwd=archives, each=count)
