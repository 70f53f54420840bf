"""Run other programs, and print errors in the same way for all commands of `consul-cluster`."""

import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import typer

# A snapshot of some GB on a slow disk takes minutes; everything else takes seconds.
_TIMEOUT_SECONDS = 1800


class OperationError(Exception):
    """An operation failed; the message says why and what to do."""


@contextmanager
def errors_presented() -> Generator[None]:
    """Print an OperationError on standard error after `error: `, and exit with 1."""
    try:
        yield
    except OperationError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def run(command: Sequence[str], stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
    """Run a command and return its output. If `stdout` is given, write the output there and return an empty string.

    Raises OperationError with the command's messages if it fails, is not installed, or takes over 30 minutes.
    """
    try:
        result = subprocess.run(
            command,
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise OperationError(f"{_shown(command)} did not end within {_TIMEOUT_SECONDS} s") from None
    except FileNotFoundError:
        raise OperationError(
            f"{command[0]} is not on the PATH: install it, or set the PATH of this shell as docs/operations.md says"
        ) from None
    printed = (result.stdout or b"").decode()
    if result.returncode != 0:
        raise OperationError(f"{_shown(command)} failed: {printed}{result.stderr.decode()}".rstrip())
    return printed


def run_in_terminal(command: Sequence[str]) -> None:
    """Run a command that shows its progress, and may ask questions, in this terminal.

    Raises OperationError if it fails.
    """
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            # Ctrl-C reaches the command too, which then ends in its own way.
            with suppress(KeyboardInterrupt):
                process.wait()
    if process.returncode:
        raise OperationError(
            f"{_shown(command)} failed. Run the same consul-cluster command again to continue from this step"
        )


def _shown(command: Sequence[str]) -> str:
    """Return a command without the script that it runs in a pod."""
    return " ".join(command).partition(" -- ")[0]
