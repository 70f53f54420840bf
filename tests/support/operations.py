"""The command `consul-cluster`, as a user runs it on a stack."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from tests.support.stack import PROJECT_DIR, Stack
from tools import toolchain

_COMMAND = (sys.executable, "-m", "operations")


def consul_cluster(stack: Stack, *arguments: str | Path, check: bool = True) -> str:
    """Run `consul-cluster` on a stack; return what it prints. `check` says whether it must succeed or fail."""
    result = subprocess.run(
        [*_COMMAND, *arguments],
        cwd=PROJECT_DIR,
        env=_environment(stack),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (result.returncode == 0) is check, result.stdout + result.stderr
    return result.stdout + result.stderr


def rotate(stack: Stack, key: str) -> tuple[str, ...]:
    """Return the arguments of the command that rotates a key of a stack."""
    return ("rotate", key, stack.name, "--yes", "--config-file", str(stack.settings_file))


def generations(stack: Stack, setting: str) -> Any:
    """Return a setting of the stack; None if it has none, or while Pulumi writes the file."""
    settings: dict[str, dict[str, Any]] = yaml.safe_load(stack.settings_file.read_text()) or {}
    return settings.get("config", {}).get(f"consul-cluster:{setting}")


@contextmanager
def killed(stack: Stack, *arguments: str | Path) -> Generator[None]:
    """Start `consul-cluster` on a stack, and kill it with all its programs at the end of the block."""
    with stack.update_log.open("w") as printed:
        process = subprocess.Popen(
            [*_COMMAND, *arguments],
            cwd=PROJECT_DIR,
            env=_environment(stack),
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            running = process.poll() is None
            _kill_session(process.pid)
            process.wait()
    assert running, stack.update_log.read_text()


def _kill_session(leader: int) -> None:
    """Kill all processes of a session. Pulumi's plugins have process groups of their own."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            if os.getsid(int(folder.name)) == leader:
                os.kill(int(folder.name), signal.SIGKILL)


def _environment(stack: Stack) -> dict[str, str]:
    kubectl = toolchain.binary("kubectl").parent
    return {**stack.environment, "PATH": f"{kubectl}{os.pathsep}{stack.environment['PATH']}"}
