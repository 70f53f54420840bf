"""Run a command of a build: its output goes to a log file, and line by line to a callback that counts progress."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from tools.toolchain.errors import ToolchainError

LAST_LINES = 25


async def run(
    command: Sequence[str | Path],
    log: IO[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    each: Callable[[str], None] = lambda line: None,
) -> None:
    """Run `command`; pass each line of its output to `each` and to the log.

    Raises ToolchainError with the last lines of the log if it fails.
    """
    print("$", *command, file=log, flush=True)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # so that its children can be terminated with it
    )
    assert process.stdout  # noqa: S101 - a pipe was asked for
    try:
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            print(line, file=log, flush=True)
            each(line)
        code = await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
        raise
    if code:
        last = Path(log.name).read_text(errors="replace").splitlines()[-LAST_LINES:]
        raise ToolchainError(
            "\n".join((*last, "", f"`{command[0]}` failed with exit code {code}. The whole log: {log.name}"))
        )
