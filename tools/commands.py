"""Run other programs: one helper for all tools."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.errors import ToolError


def run(
    command: Sequence[str | Path],
    *,
    error: type[ToolError] = ToolError,
    what: str = "",
    check: bool = True,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    limit_seconds: float | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command, and return its exit status and what it prints.

    Raises `error` if the program is missing, takes longer than the limit, or, with `check`, fails. The message calls
    the command `what`, by default its words.
    """
    what = what or " ".join(map(str, command))
    try:
        result = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, cwd=cwd, env=env, timeout=limit_seconds
        )
    except subprocess.TimeoutExpired:
        raise error(f"{what} did not end within {limit_seconds:.0f} s") from None
    except FileNotFoundError as missing:
        raise error(f'There is no {missing.filename}: eval "$(make -s env)" sets the PATH') from None
    if check and result.returncode:
        raise error(f"{what} failed: {result.stderr.strip() or result.stdout.strip()}")
    return result
