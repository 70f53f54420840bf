"""The per-user cache: whole results in folders keyed by what they are made from.

A result is written beside its final place and renamed when whole, so that a
killed build leaves nothing that looks finished. One lock a part lets two
processes share the cache; the kernel frees it when its holder dies.
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
    """Return where the result of part `name` with content key `key` is, once it is whole."""
    return root() / "parts" / f"{name}-{key}"


def log(name: str) -> Path:
    """Return the log file of the last build of part `name`."""
    return root() / "logs" / f"{name}.log"


@contextmanager
def publish(final: Path) -> Generator[Path]:
    """Yield a fresh folder that becomes `final` when the block ends without an exception.

    The caller holds the part's lock, so what earlier, killed builds of the part left is nobody's.
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
    """An advisory lock on a file that says which process holds it."""

    def __init__(self, name: str) -> None:
        """Open the lock file of `name`; nothing is locked yet."""
        path = root() / "locks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+")

    def take(self, *, shared: bool = False) -> bool:
        """Take the lock if that is possible at once, and say whether it was."""
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
        """Return the process id of whoever took the lock last."""
        self._file.seek(0)
        return self._file.read()

    def release(self) -> None:
        """Let the next one in."""
        self._file.close()
