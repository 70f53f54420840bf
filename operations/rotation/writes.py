"""Write to a cluster while its keys change, and find out whether an acknowledged write was lost."""

import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from threading import Event, Thread
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
_RESTART_SECONDS = 0.5


@dataclass
class Writes:
    """The writes that were acknowledged: their keys, and when, in seconds of a monotonic clock."""

    keys: list[str] = field(default_factory=list[str])
    times: list[float] = field(default_factory=list[float])

    @property
    def longest_gap(self) -> float:
        """Return the longest time without an acknowledged write, in seconds."""
        return max((later - earlier for earlier, later in pairwise(sorted(self.times))), default=0.0)


@contextmanager
def writing(server: Server, pods: Sequence[str]) -> Generator[Writes]:
    """Write through the server in each of the pods during the block; then check that acknowledged writes are stored.

    Raises OperationError if one is not, or if no write was acknowledged. An error of the block comes first.
    """
    writes = Writes()
    own = f"{PREFIX}{uuid4()}/"
    writers = [_Writer(replace(server, pod=pod), f"{own}{pod}/", writes) for pod in pods]
    for writer in writers:
        writer.start()
    try:
        yield writes
    except BaseException:
        _end(writers)
        with suppress(OperationError):
            _delete(server, own)
        raise
    # Count the time since the last write.
    writes.times.append(time.monotonic())
    _end(writers)
    _check(server, own, writes)
    _delete(server, own)


class _Writer(Thread):
    """A thread that writes through a server, below the key `prefix`, and goes on after its pod has restarted."""

    def __init__(self, server: Server, prefix: str, writes: Writes) -> None:
        super().__init__(daemon=True)
        self._server, self._prefix, self._writes = server, prefix, writes
        self._process: subprocess.Popen[str] | None = None
        self._ended = Event()

    def run(self) -> None:
        """Run the script in the pod until `end`, with other keys each time, and record what it says is acknowledged."""
        for attempt in count(1):
            prefix = f"{self._prefix}{attempt}/"
            self._process = self._server.start(_SCRIPT, self._server.url(f"kv/{prefix}"))
            if self._ended.is_set():
                self.end()
            for line in self._process.stdout or ():
                self._writes.keys.append(prefix + line.strip())
                self._writes.times.append(time.monotonic())
            self._process.wait()
            if self._ended.wait(_RESTART_SECONDS):
                return

    def end(self) -> None:
        """Close the script's standard input, which ends it."""
        self._ended.set()
        if self._process and self._process.stdin:
            self._process.stdin.close()

    def kill(self) -> None:
        """Kill `kubectl`."""
        if self._process:
            self._process.kill()


def _end(writers: Sequence[_Writer]) -> None:
    for writer in writers:
        writer.end()
    for writer in writers:
        writer.join(_TIMEOUT_SECONDS)
        if writer.is_alive():
            writer.kill()
            writer.join()


def _check(server: Server, prefix: str, writes: Writes) -> None:
    if not writes.keys:
        raise OperationError(
            f"The cluster in the namespace {server.naming.namespace} accepted no write, so the command cannot tell "
            "whether writes were lost. The update has succeeded. Check that Raft has a leader (consul operator raft "
            "list-peers), and compare the setting with docs/operations.md before you run the command again"
        )
    stored = set(server.run('consul kv get -keys -separator="" "$1"', prefix).splitlines())
    if lost := sorted(set(writes.keys) - stored):
        raise OperationError(
            f"{len(lost)} of {len(writes.keys)} acknowledged writes are lost, the first of them {lost[0]}. "
            f"The others are kept below {prefix}. Please report this"
        )


def _delete(server: Server, prefix: str) -> None:
    server.call(f"kv/{prefix}?recurse", "DELETE")
