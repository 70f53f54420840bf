"""Clients survive an outage of all servers, and several can restart at once."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.consul import Consul, client_names, ready, wait_for
from tests.support.stack import Stack
from tools import toolchain
from tools.devcluster import faults
from tools.devcluster.cluster import Cluster

# How long after the servers every client is ready. An agent that waited by itself would need up to 64 s after 90 s.
RECOVERY_SECONDS = 15

# A pod that is deleted stops within this time, of which kubectl takes some. Its grace period is 150 s.
STOP_SECONDS = 15


@contextmanager
def outage(consul: Consul) -> Generator[None]:
    """Delete all servers, and keep their volumes. At the end, declare them again."""
    consul.kubectl("scale", "statefulset", "consul", "--replicas=0")
    try:
        wait_for("an outage", lambda: not consul.agents("server"), 180)
        yield
    finally:
        consul.kubectl("scale", "statefulset", "consul", "--replicas=3")


def runs(pod: dict[str, Any]) -> bool:
    """Return whether the pod's only container runs; a container that waits for its restart does not."""
    (status,) = pod["status"]["containerStatuses"]
    return "running" in status["state"]


def times_waited(consul: Consul, client: str) -> int:
    """Return how often a client has printed that it waits: at once, and then every 30 s."""
    return consul.kubectl("logs", client).count("Waiting for a server at https://consul-ui.")


@pytest.mark.soak
def test_clients_wait_for_the_servers(cluster: Cluster, consul: Consul) -> None:
    running, deleted, killed = sorted(client_names(3))
    before = consul.restarts("client")
    with outage(consul):
        consul.kubectl("delete", "pod", deleted)
        faults.kill(cluster, consul.namespace, killed, "consul")
        # Longer than a failing liveness probe takes to restart a container.
        for client in (deleted, killed):
            wait_for(f"{client} to wait for 90 s", lambda client=client: times_waited(consul, client) > 3, 150)
        assert all(runs(pod) for pod in consul.agents("client"))

        stopped = time.monotonic()
        consul.kubectl("delete", "pod", deleted)
        assert time.monotonic() - stopped < STOP_SECONDS
    wait_for("the servers", lambda: sum(map(ready, consul.agents("server"))) == 3, 120)
    consul.wait_healthy(seconds=RECOVERY_SECONDS)
    assert consul.restarts("client") == {running: before[running], deleted: 0, killed: before[killed] + 1}


def test_a_client_that_hangs_is_restarted(cluster: Cluster, consul: Consul) -> None:
    client = max(client_names(3))
    before = consul.restarts()[client]
    faults.freeze(cluster, consul.namespace, client, "consul")
    try:
        events = ("--field-selector", f"involvedObject.name={client},reason=Killing")
        known = len(consul.objects("events", *events))
        wait_for("a failed liveness probe", lambda: len(consul.objects("events", *events)) > known, 120)
    finally:
        faults.thaw(cluster, consul.namespace, client, "consul")
    wait_for("a restarted container", lambda: consul.restarts()[client] == before + 1)
    consul.wait_healthy()


def test_a_client_that_could_not_leave_joins_at_another_address(cluster: Cluster, consul: Consul) -> None:
    client = max(client_names(3))
    before = consul.address(client)
    # A frozen agent cannot leave, so the others list its old address as alive for some seconds. This can end the new
    # client's gossip.
    faults.freeze(cluster, consul.namespace, client, "consul")
    consul.kubectl("delete", "pod", client, "--force", "--grace-period=0")
    wait_for("a new pod", lambda: consul.address(client) not in ("", before))
    wait_for("its address in gossip", lambda: consul.member(client).address == consul.address(client), 120)
    consul.wait_healthy()
    # The agent joins once by itself (retry_join).
    wait_for("another join", lambda: consul.kubectl("logs", client).count("(LAN) joined") > 1)


def test_consul_says_what_start_sh_looks_for() -> None:
    assert b"Serf can't Join after Leave or Shutdown" in Path(toolchain.binary("consul")).read_bytes()


# Before the test with the gate: while the gate is on, Kubernetes writes the default into the field, and then keeps it.
def test_without_the_feature_gate_the_preview_warns(stack: Stack) -> None:
    with stack.configured(stack.settings | {"clientMaxUnavailable": "2"}):
        assert "clientMaxUnavailable is ignored" in stack.preview()


@pytest.fixture
def feature_gate(cluster: Cluster) -> Iterator[None]:
    """Enable the feature gate that clientMaxUnavailable needs."""
    try:
        cluster.set_feature_gates("MaxUnavailableStatefulSet=true")
        yield
    finally:
        cluster.set_feature_gates("")


# `feature_gate` comes before `settings`, which restores the settings before the gate is off again.
@pytest.mark.soak
@pytest.mark.usefixtures("feature_gate")
def test_several_clients_restart_at_once(stack: Stack, settings: dict[str, Any], consul: Consul) -> None:
    servers, clients = consul.uids("server"), consul.uids("client")
    # 67 % of three clients are two: Kubernetes rounds down.
    changed = {"clientMaxUnavailable": "67%", "clientResources": {"requests": {"cpu": "51m", "memory": "64Mi"}}}
    stack.configure(settings | changed)
    with consul.watched("client", 3) as missing:
        stack.up()
    assert max(missing) == 2
    assert consul.uids("server") == servers
    assert not set(consul.uids("client").values()) & set(clients.values())
    printed = stack.preview("--expect-no-changes")
    assert "clientMaxUnavailable is ignored" not in printed
