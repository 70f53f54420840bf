"""Write to a cluster while its keys change, and find out whether an acknowledged write was lost."""

import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Thread
from typing import IO
from uuid import uuid4

from operations.commands import OperationError
from operations.server import Server

PREFIX = "consul-cluster/rotation/"
"""The beginning of the keys that are written, and deleted at the end."""

# About ten writes a second, one after the other, until standard input ends. A shell gives a command in the background
# no standard input of its own.
_SCRIPT = """
exec 3<&0
cat <&3 >/dev/null &
number=0
while kill -0 $! 2>/dev/null; do
    number=$((number + 1))
    api --output /dev/null --fail --max-time 2 --request PUT --data "$number" "$1$number" && echo "$number"
    sleep 0.1
done
"""
_TIMEOUT_SECONDS = 30


@dataclass
class Writes:
    """The writes that were acknowledged: their numbers, and when, in seconds of a monotonic clock."""

    numbers: list[int] = field(default_factory=list[int])
    times: list[float] = field(default_factory=list[float])

    @property
    def longest_gap(self) -> float:
        """Return the longest time without an acknowledged write, in seconds."""
        return max((later - earlier for earlier, later in pairwise(self.times)), default=0.0)


@contextmanager
def writing(server: Server) -> Generator[Writes]:
    """Write in the block, in the pod of a server, and check at its end that each acknowledged write is stored.

    Raises OperationError if one is not, or if the pod does not answer. An error of the block comes first.
    """
    writes = Writes()
    own = f"{PREFIX}{uuid4()}/"
    process = server.start(_SCRIPT, server.url(f"kv/{own}"))
    reader = Thread(target=_read, args=(process.stdout, writes), daemon=True)
    reader.start()
    try:
        yield writes
    except BaseException:
        _end(process)
        with suppress(OperationError):
            _delete(server, own)
        raise
    # Count the time since the last write: the script ends early if its pod restarts.
    writes.times.append(time.monotonic())
    _end(process)
    reader.join(_TIMEOUT_SECONDS)
    _check(server, own, writes)
    _delete(server, own)


def _read(acknowledged: IO[str], writes: Writes) -> None:
    for line in acknowledged:
        writes.numbers.append(int(line))
        writes.times.append(time.monotonic())


def _end(process: subprocess.Popen[str]) -> None:
    """Close the script's standard input, which ends it; kill `kubectl` if that takes too long."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _check(server: Server, prefix: str, writes: Writes) -> None:
    if not writes.numbers:
        raise OperationError(
            f"The cluster in the namespace {server.naming.namespace} accepted no write, so the command cannot tell "
            "whether writes were lost. The keys have changed, so do not run the command again. Check that Raft has a "
            "leader: consul operator raft list-peers"
        )
    keys = server.run('consul kv get -keys "$1"', prefix).splitlines()
    stored = {int(key.removeprefix(prefix)) for key in keys}
    if lost := sorted(set(writes.numbers) - stored):
        raise OperationError(
            f"{len(lost)} of {len(writes.numbers)} acknowledged writes are lost, the first of them {prefix}{lost[0]}. "
            f"The others are kept below {prefix}. Please report this"
        )


def _delete(server: Server, prefix: str) -> None:
    server.call(f"kv/{prefix}?recurse", "DELETE")
