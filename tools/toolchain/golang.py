"""The machine's Go compiler, and the flags and environment of every build."""

from __future__ import annotations

import os
import re
import shutil
from functools import cache
from pathlib import Path

from tools.commands import run
from tools.toolchain import cache as store
from tools.toolchain.errors import ToolchainError

REQUIRED = (1, 26)
"""The minimum version for `make up`. If the go.mod of a part requires a newer one, `go` reports it."""

FLAGS = ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false")
"""Flags for a short build: no debug information, which the linker drops, no inlining outside the standard library."""

LINKER_FLAGS = ("-s", "-w")

AT_ONCE = 2
"""Linking at the end of a build uses one core; a second build uses the others."""

CORES = os.cpu_count() or 1
MEMORY_BYTES = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

TARGET = {"CGO_ENABLED": "0"}
"""Static programs also run in images without a C library."""

_ADVICE = (
    f"Install Go {REQUIRED[0]}.{REQUIRED[1]} or later (https://go.dev/doc/install) "
    "and put its `go` on your PATH; the toolchain is built from source with it."
)


@cache
def version() -> str:
    """Return the version of the `go` on the PATH. Raise ToolchainError with what to install if there is none."""
    if shutil.which("go") is None:
        raise ToolchainError(f"`go` was not found on the PATH. {_ADVICE}")
    # Run in /, because the go.mod of a module could select another Go.
    result = run(["go", "env", "GOVERSION"], env=environment(), cwd=Path("/"), check=False)
    found = re.match(r"go(\d+)\.(\d+)", result.stdout)
    if not found or (int(found[1]), int(found[2])) < REQUIRED:
        raise ToolchainError(f"`go env GOVERSION` says {(result.stdout + result.stderr).strip()!r}. {_ADVICE}")
    return result.stdout.strip()


def caches() -> Path:
    """Return the folder of Go's caches. They are separate from the user's, and deleted after a build."""
    return store.root() / "go"


def modules(family: str) -> Path:
    """Return the folder of the modules that a family of parts needs, which is deleted when the family is built."""
    return caches() / "modules" / family


def environment(family: str = "") -> dict[str, str]:
    """Return the environment of every `go` command: the local Go, read-only go.mod and go.sum, separate caches."""
    return (
        os.environ
        | TARGET
        | {
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOFLAGS": "-mod=readonly -modcacherw",
            "GOCACHE": str(caches() / "build"),
            "GOMODCACHE": str(modules(family)),
            # Most compilers end before their garbage takes this memory, so they need not collect it. Each build runs as
            # many as there are cores.
            "GOGC": "off",
            "GOMEMLIMIT": str(min(2 * 2**30, MEMORY_BYTES // (AT_ONCE * CORES))),
        }
    )
