"""Faults under load: no acknowledged write is lost, and the gap between acknowledged writes stays short.

`make test` causes the faults that take seconds, once; `make soak` all of them, RUNS times.
"""

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import pytest

from tests.support.consul import Consul, server_names, wait_for
from tests.support.load import Call, Load, judge
from tests.support.stack import PROJECT_DIR, Stack
from tools.devcluster import faults
from tools.devcluster.cluster import Cluster

_SETTLE_SECONDS = 5

# Write values of half a megabyte, whether or not the servers accept them.
_WRITE_5_MB = """
    unset CONSUL_HTTP_TOKEN_FILE; export CONSUL_HTTP_TOKEN=$(cat)
    head -c 380000 /dev/urandom | base64 -w 0 > /tmp/value
    for n in $(seq 10); do consul kv put large/$n @/tmp/value || true; done
"""


@dataclass(frozen=True)
class Scene:
    """Where a fault happens; `leader` and `node` are the leading server and its node."""

    cluster: Cluster
    stack: Stack
    consul: Consul
    settings: dict[str, Any]
    leader: str
    node: str

    @property
    def pod(self) -> tuple[Cluster, str, str, str]:
        """Return the arguments of the faults that hit the leader's container."""
        return self.cluster, self.consul.namespace, self.leader, "consul"

    @contextmanager
    def stopped(self) -> Generator[None]:
        """Stop the server that was the leader, and start it again after the block."""
        with self.consul.cordoned([self.node]):
            self.consul.kubectl("delete", "pod", self.leader, timeout=200)
            yield
        self.consul.wait_healthy(seconds=180)

    def update(self, **changed: Any) -> None:
        """Update the stack with changed settings."""
        self.stack.configure(self.settings | changed)
        self.stack.up()


@dataclass(frozen=True)
class Fault:
    """A fault. `goal` is the longest gap between two acknowledged writes, in seconds.

    The `short` ones are in `make test`.
    """

    name: str
    goal: float
    cause: Callable[[Scene], object]
    short: bool = False


def frozen(scene: Scene) -> None:
    faults.freeze(*scene.pod)
    try:
        time.sleep(15)
    finally:
        faults.thaw(*scene.pod)


def cut_off(scene: Scene) -> None:
    faults.cut(scene.cluster, scene.node)
    try:
        time.sleep(25)
    finally:
        faults.heal(scene.cluster, scene.node)


def lossy(scene: Scene) -> None:
    faults.lose_packets(scene.cluster, scene.node, 0.2)
    try:
        time.sleep(20)
    finally:
        faults.heal(scene.cluster, scene.node)


def powered_off(scene: Scene) -> None:
    faults.power_off(scene.cluster, scene.node)
    try:
        time.sleep(10)
    finally:
        scene.cluster.up()


def full_disk(scene: Scene) -> None:
    """Leave the leader's disk no space for another file of its log, write until it restarts, and make room again."""
    consul, disk = scene.consul, (scene.cluster, scene.node)

    def restarted() -> bool:
        consul.run("consul-client-0", "sh", "-c", _WRITE_5_MB, stdin=consul.token)
        return consul.restarts("server") == before | {scene.leader: 1}

    with scene.stopped():
        faults.shrink_disk(*disk, spare_mib=100)
    try:
        before = consul.restarts("server")
        consul.lead(scene.leader)
        faults.fill_disk(*disk, free_mib=10)
        wait_for("restart", restarted, seconds=180)
        faults.empty_disk(*disk)
        wait_for("cluster of healthy servers", lambda: all_healthy(consul))
    finally:
        with scene.stopped():
            faults.restore_disk(*disk)


def all_healthy(consul: Consul) -> bool:
    """Return whether autopilot finds all servers healthy, which includes that they take what the leader writes."""
    return json.loads(consul.consul("operator", "autopilot", "state", "-format=json"))["Healthy"]


def every_node_powered_off(scene: Scene) -> None:
    try:
        for node in scene.consul.nodes():
            faults.power_off(scene.cluster, node)
    finally:
        scene.cluster.up()


def killed(scene: Scene, *servers: str) -> None:
    for server in servers or [scene.leader]:
        faults.kill(scene.cluster, scene.consul.namespace, server, "consul")


def evicted(scene: Scene) -> None:
    """Evict only the leader, as when somebody drains its node."""
    selector = f"--pod-selector=statefulset.kubernetes.io/pod-name={scene.leader}"
    options = (selector, "--delete-emptydir-data", "--timeout=180s")
    with scene.consul.cordoned([scene.node]):
        scene.consul.kubectl("drain", scene.node, *options, timeout=200)


def drained(scene: Scene) -> None:
    options = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s")
    for node in scene.consul.nodes():
        with scene.consul.cordoned([node]):
            scene.consul.kubectl("drain", node, *options, timeout=200)
        scene.consul.wait_healthy(seconds=180)


def rolled(scene: Scene) -> None:
    # The level of the run before is still set.
    before = scene.stack.settings.get("logLevel", "info")
    scene.update(logLevel="info" if before == "warn" else "warn")


def scaled(*counts: int) -> Callable[[Scene], object]:
    """Return a fault: change the number of servers step by step, and then back to three."""

    def cause(scene: Scene) -> None:
        for count in counts:
            scene.update(serverReplicas=count)
        scene.update()

    return cause


def one_down(action: Callable[[Scene], object]) -> Callable[[Scene], object]:
    """Return a fault: an action while a server that does not lead is down."""

    def cause(scene: Scene) -> None:
        down = min(server_names(3) - {scene.leader})
        with scene.consul.without(down):
            action(scene)

    return cause


def not_scaled_down(scene: Scene) -> None:
    """Have five servers, and try to remove two while one of the three that stay is down."""
    scene.update(serverReplicas=5)
    one_down(lambda of: refused(of, serverReplicas=3))(scene)
    scene.consul.wait_healthy(servers=5, seconds=180)
    scene.update()


def refused(scene: Scene, **changed: Any) -> None:
    """Try an update that restarts or removes servers. The pre-flight check refuses it."""
    with scene.stack.configured(scene.settings | changed):
        update = scene.stack.pulumi("up", "--yes", "--skip-preview", check=False)
    assert "Not every server is a healthy voter" in update.stdout


def not_drained(scene: Scene) -> None:
    """Try to drain the leader's node. The PodDisruptionBudget refuses to evict a second server."""
    options = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=30s")
    with scene.consul.cordoned([scene.node]):
        said = scene.consul.kubectl("drain", scene.node, *options, check=False)
    assert "violate the pod's disruption budget" in said


def deleted(*arguments: str) -> Callable[[Scene], object]:
    return lambda scene: scene.consul.kubectl("delete", "pod", scene.leader, "--wait=false", *arguments)


FAULTS = [
    Fault("leader deleted in order", 0.5, deleted(), short=True),
    Fault("leader deleted by force", 2.5, deleted("--force", "--grace-period=0"), short=True),
    Fault("leader killed", 2.5, killed, short=True),
    Fault("leader out of memory", 2.5, lambda scene: faults.exhaust_memory(*scene.pod)),
    Fault("leader evicted", 0.5, evicted),
    Fault("leader frozen for 15 s", 3, frozen),
    Fault("leader's node cut off for 25 s", 3, cut_off),
    Fault("20 % loss at the leader's node for 20 s", 3, lossy),
    Fault("leader's node powered off", 5, powered_off),
    Fault("leader's disk full", 3, full_disk),
    Fault("all servers killed", 6, lambda scene: killed(scene, *server_names(3)), short=True),
    Fault(
        "all servers deleted",
        10,
        lambda scene: scene.consul.kubectl("delete", "pod", *server_names(3), "--wait=false"),
    ),
    Fault("every node powered off", 60, every_node_powered_off),
    Fault("each node drained in turn", 0.5, drained),
    Fault("rolling update", 0.5, rolled),
    Fault("3→5→3 servers", 1.6, scaled(5)),
    Fault("3→7→5→3 servers", 1.6, scaled(7, 5)),
    Fault("rolling update with a server down", 2.5, one_down(lambda scene: refused(scene, raftMultiplier=2))),
    Fault("drain with a server down", 2.5, one_down(not_drained)),
    Fault("scale-down with a server down", 2.5, not_scaled_down),
]


def replace_restarted(consul: Consul) -> None:
    """Give each server whose container has restarted a new pod: Kubernetes delays a second restart by 10 s."""
    for server, restarts in consul.restarts("server").items():
        if restarts:
            consul.kubectl("delete", "pod", server)
            consul.wait_healthy()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the faults."""
    if "fault" in metafunc.fixturenames:
        soak = metafunc.config.getoption("--soak", default=0)
        chosen = [fault for fault in FAULTS if soak or fault.short]
        metafunc.parametrize("fault", chosen, ids=[fault.name for fault in chosen])


def test_no_fault_loses_a_write(
    request: pytest.FixtureRequest,
    fault: Fault,
    cluster: Cluster,
    stack: Stack,
    consul: Consul,
    settings: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = request.config.getoption("--soak", default=0) or 1
    gaps: list[float] = []
    for _ in range(runs):
        replace_restarted(consul)
        leader = consul.leader()
        node = consul.node(leader)
        with Load(consul, stack.outputs()["caCertificate"]) as load:
            fault.cause(Scene(cluster, stack, consul, settings, leader, node))
            # For a moment after a fault, the cluster still looks healthy.
            time.sleep(_SETTLE_SECONDS)
            consul.wait_healthy(seconds=180)
        gaps.append(load.longest_gap())
        with capsys.disabled():
            print(f"\n{fault.name}: {gaps[-1]:.2f} s, {len(load.history)} calls", end=" ")
    # A single run may meet a busy moment of the machine.
    assert median(gaps) <= fault.goal * (1 if runs > 1 else 2)


def history(value: str) -> list[Call]:
    """Return a history in which the last call reads this value after two acknowledged writes."""
    return [
        Call("put", "load/0", 0, Value="1", Start=0, End=10),
        Call("cas", "load/0", 1, Value="2", Expected="1", OK=True, Start=20, End=30),
        Call("put", "load/0", 2, Value="3", Unknown=True, Start=25),
        Call("get", "load/0", 3, Value=value, Start=40, End=50),
    ]


@pytest.mark.parametrize("value", ["2", "3"], ids=["acknowledged", "unanswered"])
def test_the_checker_accepts_a_write_that_was_kept(value: str) -> None:
    assert judge(history(value)) == "4 calls are linearizable\n"


def test_the_checker_finds_a_write_that_was_lost() -> None:
    with pytest.raises(AssertionError, match="the calls of the key load/0 are not linearizable"):
        judge(history("1"))


def test_the_documentation_lists_every_fault_with_its_aim() -> None:
    faults = (PROJECT_DIR / "docs" / "faults.md").read_text()
    _, *lines = (line for line in faults.splitlines() if line.startswith("| "))
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert [(name, aim.partition(" (")[0]) for name, _, aim in rows] == [(of.name, f"≤ {of.goal:g} s") for of in FAULTS]
