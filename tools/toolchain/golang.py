"""The Go on this machine, and how the toolchain uses it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tools.toolchain import cache as store
from tools.toolchain.errors import ToolchainError

REQUIRED = (1, 26)
"""What `make up` needs. Where a part's go.mod asks for more, as promtool's for a patch, `go` says so itself."""

FLAGS = ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")
"""The compiler need not write the debug information which the linker would drop: a fifth less work."""

LINKER_FLAGS = ("-s", "-w")

TARGET = {"CGO_ENABLED": "0"}
"""Static programs: they also run in images that have no C library."""

_ADVICE = (
    f"Install Go {REQUIRED[0]}.{REQUIRED[1]} or later (https://go.dev/doc/install) "
    "and put its `go` on your PATH; the toolchain is built from source with it."
)


@cache
def version() -> str:
    """Return the version of the `go` on the PATH, or say what to install."""
    if shutil.which("go") is None:
        raise ToolchainError(f"There is no `go` on the PATH. {_ADVICE}")
    # Outside of any module, whose go.mod could ask for another Go.
    command = ["go", "env", "GOVERSION"]
    result = subprocess.run(command, env=environment(), cwd="/", capture_output=True, text=True, check=False)
    found = re.match(r"go(\d+)\.(\d+)", result.stdout)
    if not found or (int(found[1]), int(found[2])) < REQUIRED:
        raise ToolchainError(f"`go env GOVERSION` says {(result.stdout + result.stderr).strip()!r}. {_ADVICE}")
    return result.stdout.strip()


def caches() -> Path:
    """Return the folder of Go's own caches, kept apart from the user's to be dropped after the build."""
    return store.root() / "go"


def environment() -> dict[str, str]:
    """Return the environment of every `go` command: this Go, committed checksums, caches of our own."""
    return (
        os.environ
        | TARGET
        | {
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOFLAGS": "-mod=readonly -modcacherw",
            "GOCACHE": str(caches() / "build"),
            "GOMODCACHE": str(caches() / "modules"),
            # The compiler spends a fifth of its time collecting garbage that memory has room for.
            "GOGC": "400",
        }
    )
