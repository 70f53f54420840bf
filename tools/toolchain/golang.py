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

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MEMORY_BYTES = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

_MEMORY_BYTES_A_BUILD = 5 * 2**30
"""With two cores a build needs 2.2 GiB. With more, more of its compilers run at the same time."""


def at_once(cores: int, free_memory: int) -> int:
    """Return how many builds run at once: at least two, because parts of a build, such as linking, use one core."""
    return max(2, min(cores // 2 + 1, free_memory // _MEMORY_BYTES_A_BUILD))


def _free_memory() -> int:
    """Return the bytes of memory that are free or can be freed, at most a container's limit; without Linux, all."""
    file = Path("/proc/meminfo")
    found = re.search(r"MemAvailable: +(\d+) kB", file.read_text()) if file.exists() else None
    files = (Path("/sys/fs/cgroup", name) for name in ("memory.max", "memory/memory.limit_in_bytes"))
    limits = [int(text) for each in files if each.exists() and (text := each.read_text().strip()).isdigit()]
    return min([int(found[1]) * 1024 if found else MEMORY_BYTES, *limits])


AT_ONCE = at_once(CORES, _free_memory())

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
            # Most compilers end before their garbage takes this memory, so they need not collect it. Each of the two
            # longest builds runs as many as there are cores.
            "GOGC": "off",
            "GOMEMLIMIT": str(min(2 * 2**30, MEMORY_BYTES // (2 * CORES))),
        }
    )
