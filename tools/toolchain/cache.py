"""The per-user cache: one folder a part, keyed by a hash of its ingredients.

A part is built in a folder beside its final one and renamed when it is complete, so a killed build leaves no partial
result. A lock for each part lets several processes share the cache; the kernel releases it if its holder dies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def root() -> Path:
    """Return the cache's folder: $CONSUL_CLUSTER_CACHE, else below $XDG_CACHE_HOME, else below ~/.cache."""
    if own := os.environ.get("CONSUL_CLUSTER_CACHE"):
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "consul-cluster"


def folder(name: str, key: str) -> Path:
    """Return the folder of the result of part `name` with content key `key`, which exists once it is complete."""
    return root() / "parts" / f"{name}-{key}"


def log(name: str) -> Path:
    """Return the log file of the last build of part `name`."""
    return root() / "logs" / f"{name}.log"


def action_graph(name: str) -> Path:
    """Return the action graph that `go build` wrote in the last build of part `name`."""
    return root() / "logs" / f"{name}.actions.json"


@contextmanager
def publish(final: Path) -> Generator[Path]:
    """Yield a new folder that is renamed to `final` if the block ends without an exception.

    The caller must hold the part's lock: leftovers of killed builds of the part are deleted.
    """
    making = final.with_name(f"{final.name}.making")
    name, _, _ = final.name.rpartition("-")
    for left in final.parent.glob(f"{name}-*.making"):
        if "-" not in left.name.removeprefix(f"{name}-"):  # another part's name may begin with this one's
            shutil.rmtree(left)
    making.mkdir(parents=True)
    try:
        yield making
        making.rename(final)
    finally:
        shutil.rmtree(making, ignore_errors=True)


class Lock:
    """An advisory lock on a file, which contains the process ID of its holder."""

    def __init__(self, name: str) -> None:
        """Open the lock file of `name`, without locking it."""
        path = root() / "locks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+")

    def take(self, *, shared: bool = False) -> bool:
        """Try to take the lock without waiting; return whether that succeeded."""
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()
        return True

    def holder(self) -> str:
        """Return the process ID of the last holder."""
        self._file.seek(0)
        return self._file.read()

    def release(self) -> None:
        """Release the lock."""
        self._file.close()
