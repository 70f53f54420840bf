"""Operate a running cluster: through kubectl, and the consul command in its pods."""

import base64
import json
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tools import toolchain

T = TypeVar("T")


class Member(NamedTuple):
    """A line of `consul members`."""

    name: str
    address: str
    status: str
    type: str
    datacenter: str
    segment: str


class Peer(NamedTuple):
    """A line of `consul operator raft list-peers`."""

    name: str
    id: str
    state: str
    voter: bool


@dataclass(frozen=True)
class Consul:
    """A cluster in one namespace; `token` is the management token."""

    kubeconfig: Path
    namespace: str
    token: str = field(default="", repr=False)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True, timeout: float = 120) -> str:
        """Run kubectl in the namespace and return what it prints.

        With `check`, a failure raises AssertionError with the output. Without it, the result includes standard error.
        """
        command = ["--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, *arguments]
        result = subprocess.run(
            [toolchain.binary("kubectl"), *command],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        if check and result.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}\n{result.stdout}{result.stderr}")
        return result.stdout if check else result.stdout + result.stderr

    def objects(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects of a kind from the API server."""
        return json.loads(self.kubectl("get", kind, "--output", "json", *arguments))["items"]

    def agents(self, component: str = "") -> list[dict[str, Any]]:
        """Return the pods of all agents, or of one component (`server` or `client`)."""
        labels = ["app.kubernetes.io/name=consul", *([f"app.kubernetes.io/component={component}"] if component else [])]
        return self.objects("pods", "--selector", ",".join(labels))

    def uids(self, component: str = "") -> dict[str, str]:
        """Return the UID of each agent's pod, by the pod's name. A new pod with the same name has another UID."""
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in self.agents(component)}

    def restarts(self, component: str = "") -> dict[str, int]:
        """Return how often the container of each agent has restarted, by the pod's name."""
        return {
            pod["metadata"]["name"]: status["restartCount"]
            for pod in self.agents(component)
            for status in pod["status"]["containerStatuses"]
        }

    def node(self, agent: str) -> str:
        """Return the name of the node on which an agent's pod is."""
        (node,) = [pod["spec"]["nodeName"] for pod in self.agents() if pod["metadata"]["name"] == agent]
        return node

    def nodes(self) -> list[str]:
        """Return the names of all nodes of Kubernetes, sorted."""
        return sorted(node["metadata"]["name"] for node in self.objects("nodes"))

    @contextmanager
    def cordoned(self, nodes: Collection[str]) -> Generator[None]:
        """Cordon nodes, so that Kubernetes starts no new pod on them."""
        self.kubectl("cordon", *nodes)
        try:
            yield
        finally:
            self.kubectl("uncordon", *nodes)

    @contextmanager
    def without(self, *servers: str) -> Generator[None]:
        """Delete servers by force, as if their nodes were lost, and keep Kubernetes from starting them again."""
        with self.cordoned({self.node(server) for server in servers}):
            self.kubectl("delete", "pod", *servers, "--force", "--grace-period=0")
            yield

    @contextmanager
    def watched(self, component: str, declared: int) -> Generator[list[int]]:
        """Yield a list to which the number of a component's agents that are not ready is added every 0.2 s."""
        missing: list[int] = []
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                missing.append(declared - sum(ready(pod) for pod in self.agents(component)))
                time.sleep(0.2)

        with ThreadPoolExecutor() as pool:
            watching = pool.submit(watch)
            try:
                yield missing
            finally:
                done.set()
            watching.result()

    def run(self, pod: str, *command: str, check: bool = True, stdin: str | None = None) -> str:
        """Run a command in a pod and return what it prints."""
        interactive = ["--stdin"] if stdin is not None else []
        return self.kubectl("exec", *interactive, pod, "--", *command, check=check, stdin=stdin)

    def consul(self, *arguments: str, pod: str = "consul-0", check: bool = True) -> str:
        """Run a consul command in a pod with the management token, and return what it prints."""
        command = 'unset CONSUL_HTTP_TOKEN_FILE; CONSUL_HTTP_TOKEN=$(cat) exec consul "$@"'
        return self.run(pod, "sh", "-c", command, "consul", *arguments, check=check, stdin=self.token)

    def members(self, pod: str = "consul-0") -> list[Member]:
        """Return all members that an agent knows, dead ones included. The command uses the pod's own token."""
        lines = [line.split() for line in self.run(pod, "consul", "members").splitlines()[1:]]
        return [
            Member(line[0], line[1].partition(":")[0], *(line[column] for column in (2, 3, 6, 8))) for line in lines
        ]

    def wait_members(self, pod: str) -> None:
        """Wait until an agent lists six members that are alive.

        Gossip reaches random members, so an agent may learn of a change only from its next full exchange with another
        agent. Agents exchange everything every 30 s.
        """
        wait_for(f"six living members in the list of {pod}", lambda: len(self.alive(pod)) == 6)

    def member(self, name: str, pod: str = "consul-0") -> Member:
        """Return one member, as an agent knows it."""
        return next(member for member in self.members(pod) if member.name == name)

    def address(self, pod: str) -> str:
        """Return the IP address of a pod; empty if it has none yet."""
        return self.kubectl("get", "pod", pod, "--ignore-not-found", "--output", "jsonpath={.status.podIP}")

    def alive(self, pod: str = "consul-0") -> set[str]:
        """Return the names of the members that are alive."""
        return {member.name for member in self.members(pod) if member.status == "alive"}

    def peers(self, pod: str = "consul-0") -> list[Peer]:
        """Return the Raft peers."""
        lines = [line.split() for line in self.consul("operator", "raft", "list-peers", pod=pod).splitlines()[1:]]
        return [Peer(line[0], line[1], line[3], line[4] == "true") for line in lines]

    def secret(self, name: str) -> dict[str, str]:
        """Return the files in a Secret."""
        data: dict[str, str] = json.loads(self.kubectl("get", "secret", name, "--output", "json"))["data"]
        return {file: base64.b64decode(text).decode() for file, text in data.items()}

    def keyring(self) -> list[str]:
        """Return the gossip keys in the Secret that new pods read, the primary key first."""
        return json.loads(self.secret("consul-gossip")["local.keyring"])

    def gossip_keys(self) -> dict[str, str]:
        """Return how many members have each gossip key, by key, such as `[6/6]`. Every member must answer.

        Gossip passes each question on to random members (memberlist: each member four times), so by chance one of six
        members misses about 1 of 60 questions, and the command fails.
        """

        def keys() -> dict[str, str]:
            listed = [line.split() for line in self.consul("keyring", "-list", check=False).splitlines()]
            return {line[0]: line[1] for line in listed if len(line) == 2 and line[1].startswith("[")}

        return wait_for("answer of every member", keys)

    def leader(self) -> str:
        """Return the name of the server that leads."""
        (leader,) = [peer.name for peer in self.peers() if peer.state == "leader"]
        return leader

    def lead(self, server: str) -> None:
        """Make a server the leader."""
        (peer,) = [peer for peer in self.peers() if peer.name == server]
        if peer.state != "leader":
            self.consul("operator", "raft", "transfer-leader", "-id", peer.id)

    def wait_healthy(self, servers: int = 3, clients: int = 3, seconds: float = 120) -> None:
        """Wait until exactly these agents are alive and ready, with one leader and every server a voter."""
        expected = server_names(servers) | client_names(clients)

        def healthy() -> bool:
            peers, members = self.peers(), self.members()
            ready_pods = {pod["metadata"]["name"] for pod in self.agents() if ready(pod)}
            if (
                {member.name for member in members if member.status == "alive"} == expected
                and {peer.name for peer in peers if peer.voter} == server_names(servers)
                and len(peers) == servers
                and sum(peer.state == "leader" for peer in peers) == 1
                # Check readiness too: a server may list a client that does not know any server yet.
                and ready_pods == expected
            ):
                return True
            raise AssertionError(f"{members}, {peers}, ready: {sorted(ready_pods)}")

        wait_for("a healthy cluster", healthy, seconds)


def ready(pod: dict[str, Any]) -> bool:
    """Return whether a pod is ready and not being deleted."""
    conditions = {condition["type"]: condition["status"] for condition in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def server_names(count: int) -> set[str]:
    """Return the names of `count` servers."""
    return {f"consul-{ordinal}" for ordinal in range(count)}


def client_names(count: int) -> set[str]:
    """Return the names of `count` clients."""
    return {f"consul-client-{ordinal}" for ordinal in range(count)}


def wait_for(what: str, condition: Callable[[], T], seconds: float = 60) -> T:
    """Wait until a condition returns a true value, and return it. An AssertionError in the condition counts as false.

    Raises AssertionError after `seconds`, with `what` and the last value.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            value = condition()
        except AssertionError as error:
            last = error
        else:
            if value:
                return value
            last = value
        time.sleep(0.5)
    raise AssertionError(f"no {what} within {seconds} s; last seen: {last}")
