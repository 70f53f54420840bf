"""A load on the KV store through the clients, whose history a checker of linearizability judges (porcupine)."""

import base64
import json
import random
import re
import ssl
import subprocess
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from http.client import HTTPException, HTTPSConnection
from itertools import pairwise
from threading import Event, Thread
from types import TracebackType
from typing import Self

from tests.support.consul import Consul, client_names, wait_for
from tools import toolchain

WORKERS = 8

# A worker waits this long for an answer. A write without an answer may still take effect.
_TIMEOUT_SECONDS = 1.5

# A worker tries another client if a new connection takes longer. While a client's pod restarts, `kubectl port-forward`
# accepts connections that nobody answers, and all workers would wait for this client.
_CONNECT_SECONDS = 0.3

# Each worker pauses this long after a call: about 100 calls a second in all.
_PAUSE_SECONDS = 0.03

# The workers share a key for this long, or until a write stays unanswered. The checker is quick while few calls share a
# key, and few of them have no answer: an unanswered write may have taken effect at any time since.
_KEY_SECONDS = 1


@dataclass
class Call:
    """A call, with the fields that the checker reads: tools/toolchain/go/linearizability/main.go. Times are in ns."""

    Kind: str
    Key: str
    Worker: int
    Value: str = ""
    Expected: str = ""
    OK: bool = False
    Unknown: bool = False
    Start: int = 0
    End: int = 0

    @property
    def acknowledged(self) -> bool:
        """Return whether this is a write that has taken effect."""
        return not self.Unknown and (self.Kind == "put" or (self.Kind == "cas" and self.OK))


def judge(history: list[Call]) -> str:
    """Return what the checker says about a history. Raise AssertionError unless it is linearizable."""
    calls = json.dumps([asdict(call) for call in history])
    result = subprocess.run(
        [toolchain.binary("linearizability")], input=calls, capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


class Load:
    """Puts, consistent gets and compare-and-sets by WORKERS workers, each call through a random client.

    A context manager: the load runs in the block. At its end, all keys are read once more, and the history is judged.
    """

    def __init__(self, consul: Consul, ca: str) -> None:
        """Prepare the load; `ca` is the PEM of the CA certificate."""
        self.history: list[Call] = []
        self._consul = consul
        self._trust = ssl.create_default_context(cadata=ca)
        self._stop = Event()
        self._forwards: list[_Forward] = []
        self._threads = [Thread(target=self._work, args=(worker,), daemon=True) for worker in range(WORKERS)]
        self._started = time.monotonic()
        self._unanswered_writes = 0
        # The checker takes every key for new.
        self._folder = f"load/{time.time_ns()}"

    def __enter__(self) -> Self:
        """Start the load, and return when the first write is acknowledged."""
        with ExitStack() as stack:
            stack.callback(self._join)
            self._forwards += [stack.enter_context(_Forward(self._consul, name)) for name in sorted(client_names(3))]
            for thread in self._threads:
                thread.start()
            wait_for("acknowledged write", lambda: any(call.acknowledged for call in list(self.history)), 30)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop the load, read every key, and judge the history unless the block failed."""
        with self._stack:
            self._ended = time.monotonic_ns()
            self._join()
            if kind is None:
                connections: dict[int, HTTPSConnection] = {}
                for key in sorted({call.Key for call in self.history}):
                    wait_for(f"value of {key}", partial(self._read, key, connections))
                judge(self.history)
                self._consul.consul("kv", "delete", "-recurse", self._folder)

    def _join(self) -> None:
        self._stop.set()
        for thread in self._threads:
            if thread.ident:
                thread.join()

    def _read(self, key: str, connections: dict[int, HTTPSConnection]) -> bool:
        call = Call("get", key, WORKERS)
        return self._run(call, 0, random.choice(self._forwards), connections) is not None  # noqa: S311 - not a secret

    def trust(self, ca: str) -> None:
        """Trust another CA too, whose certificate is given as PEM, in new connections."""
        self._trust.load_verify_locations(cadata=ca)

    def authenticate(self, token: str) -> None:
        """Use another token, with the same rights, from the next call on."""
        self._consul = replace(self._consul, token=token)

    def longest_gap(self) -> float:
        """Return the longest time, in seconds, between two acknowledged writes, or the last one and the load's end."""
        ends = [call.End for call in self.history if call.acknowledged and call.End < self._ended]
        return max(later - earlier for earlier, later in pairwise([*sorted(ends), self._ended])) / 1e9

    def _work(self, worker: int) -> None:
        chance = random.Random(worker)  # noqa: S311 - not a secret
        connections: dict[int, HTTPSConnection] = {}
        count = 0
        known: tuple[str, str, int] = ("", "", 0)
        while not self._stop.wait(_PAUSE_SECONDS):
            count += 1
            key = f"{self._folder}/{int((time.monotonic() - self._started) / _KEY_SECONDS)}-{self._unanswered_writes}"
            kind = chance.choice(["put", "get", "get", "cas"])
            call = Call(kind if kind != "cas" or known[0] == key else "get", key, worker)
            if call.Kind != "get":
                call.Value = f"{worker}-{count}"
            if call.Kind == "cas":
                call.Expected = known[1]
            found = self._run(call, known[2], chance.choice(self._forwards), connections)
            known = (key, call.Value, found) if found is not None else known

    def _run(self, call: Call, index: int, forward: "_Forward", connections: dict[int, HTTPSConnection]) -> int | None:
        """Make a call and add it to the history, unless it cannot have had an effect.

        Return the key's index if it was read.
        """
        port = forward.port
        connection = connections.setdefault(
            port, HTTPSConnection("localhost", port, timeout=_CONNECT_SECONDS, context=self._trust)
        )
        query = {"get": "?consistent", "put": "", "cas": f"?cas={index}"}[call.Kind]
        method = "GET" if call.Kind == "get" else "PUT"
        headers = {"X-Consul-Token": self._consul.token}
        try:
            if connection.sock is None:
                _connect(connection)
        except OSError:
            connection.close()
            return None
        call.Start = time.monotonic_ns()
        try:
            connection.request(method, f"/v1/kv/{call.Key}{query}", call.Value if method == "PUT" else None, headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException):
            connection.close()
            return self._unanswered(call)
        call.End = time.monotonic_ns()
        if call.Kind == "get" and answer.status == 404:
            self.history.append(call)
            return 0
        if answer.status != 200:
            return self._unanswered(call)
        found = None
        if call.Kind == "get":
            (entry,) = json.loads(body)
            call.Value, found = base64.b64decode(entry["Value"] or "").decode(), entry["ModifyIndex"]
        else:
            call.OK = json.loads(body)
        self.history.append(call)
        return found

    def _unanswered(self, call: Call) -> None:
        if call.Kind != "get":
            call.Unknown = True
            self.history.append(call)
            self._unanswered_writes += 1


def _connect(connection: HTTPSConnection) -> None:
    connection.connect()
    connection.sock.settimeout(_TIMEOUT_SECONDS)


class _Forward:
    """A local port that leads to a client's API, also after its pod has restarted."""

    def __init__(self, consul: Consul, client: str) -> None:
        self.port = 1
        self._consul = consul
        self._client = client
        self._stop = Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._process:
            self._process.terminate()
        self._thread.join()

    def _keep(self) -> None:
        command = [toolchain.binary("kubectl"), "--kubeconfig", str(self._consul.kubeconfig)]
        command += ["--namespace", self._consul.namespace, "port-forward", self._client, ":8501"]
        while not self._stop.wait(0.2):
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
                self._process = process
                if self._stop.is_set():
                    process.terminate()
                assert process.stdout
                for line in process.stdout:
                    if found := re.search(r"127\.0\.0\.1:(\d+) ->", line):
                        self.port = int(found[1])
