"""No acknowledged write is lost when pods are deleted or killed, or a disk is lost."""

import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.consul import Consul, server_names, wait_for
from tests.support.stack import Stack
from tools.devcluster import faults
from tools.devcluster.cluster import Cluster

KEYS = {f"kept/{number}": f"value {number}" for number in range(10)}


@pytest.fixture
def kept(consul: Consul) -> Iterator[None]:
    """Write some keys. At the end, wait until the cluster is healthy and check that no key has changed."""
    for key, value in KEYS.items():
        consul.consul("kv", "put", key, value, pod="consul-client-0")
    yield
    consul.wait_healthy()
    assert {key: consul.consul("kv", "get", key).removesuffix("\n") for key in KEYS} == KEYS


def node_ids(consul: Consul) -> dict[str, str]:
    """Return the node ID on each server's volume, by server."""
    return {server: consul.run(server, "cat", "/consul/data/node-id") for server in server_names(3)}


@pytest.mark.usefixtures("kept")
def test_each_server_finds_its_own_data_after_all_pods_are_deleted_at_once(consul: Consul) -> None:
    before, volumes = node_ids(consul), bound(consul)
    assert len(set(before.values())) == 3
    assert volumes == {server: f"{consul.namespace}-data-{server}" for server in server_names(3)}
    end(consul, *consul.uids())
    consul.wait_healthy(seconds=180)
    assert node_ids(consul) == before
    assert bound(consul) == volumes


@pytest.mark.usefixtures("kept")
def test_servers_that_stop_at_once_never_leave_one_that_acknowledges_alone(consul: Consul) -> None:
    with consul.cordoned(consul.nodes()):
        end(consul, "consul-1", "consul-2")
        peers = consul.consul("operator", "raft", "list-peers", "-stale").splitlines()
        assert sum(" true " in peer for peer in peers) >= 2
        answers: list[str] = []

        def refused() -> bool:
            answers.append(consul.consul("kv", "put", "while/alone", "x", check=False))
            return "No cluster leader" in answers[-1]

        # Until the remaining server notices, it tries to forward the write to a leader that has stopped.
        wait_for("write without a leader", refused)
        assert not [answer for answer in answers if "Success" in answer]
    consul.wait_healthy(seconds=180)


def end(consul: Consul, *names: str) -> None:
    """Delete agents' pods gracefully, all at once, and wait until they have ended.

    Wait by UID: `kubectl delete` could mistake new pods with the same names for the old ones, and never return.
    """
    uids = consul.uids()
    ending = {uids[name] for name in names}
    consul.kubectl("delete", "pods", *names, "--wait=false")
    wait_for(f"end of {', '.join(names)}", lambda: not ending & set(consul.uids().values()), 240)


def bound(consul: Consul) -> dict[str, str]:
    """Return the volume of each server's claim. Claims of servers that were removed remain, and are left out."""
    claims = {claim["metadata"]["name"]: claim for claim in consul.objects("persistentvolumeclaims")}
    return {server: claims[f"data-{server}"]["spec"]["volumeName"] for server in server_names(3)}


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("which", ["leader", "follower"])
def test_a_killed_server_comes_back(cluster: Cluster, consul: Consul, which: str) -> None:
    (victim, *_) = [peer.name for peer in consul.peers() if peer.state == which]
    witness = next(iter(server_names(3) - {victim}))
    before = consul.restarts()[victim]
    faults.kill(cluster, consul.namespace, victim, "consul")
    wait_for("writes", lambda: "Success" in consul.consul("kv", "put", "while/dead", victim, pod=witness))
    wait_for("restart", lambda: consul.restarts()[victim] > before)
    consul.wait_healthy()
    assert consul.consul("kv", "get", "while/dead", pod=victim) == f"{victim}\n"


@pytest.mark.usefixtures("kept")
def test_a_server_whose_disk_is_lost_gets_everything_from_the_leader(cluster: Cluster, consul: Consul) -> None:
    before = node_ids(consul)["consul-2"]
    # Like a new node with the old node's name: a new pod with a new address, and the old pod never left.
    consul.run("consul-2", "sh", "-c", "rm -r /consul/data/*")
    faults.kill(cluster, consul.namespace, "consul-2", "consul")
    consul.kubectl("delete", "pod", "consul-2", "--grace-period=0", "--force")
    wait_for("new server", lambda: consul.run("consul-2", "cat", "/consul/data/node-id") not in ("", before), 180)
    consul.wait_healthy(seconds=240)
    consul.kubectl("wait", "--for=condition=Ready", "pod/consul-2", "--timeout=240s", timeout=250)
    assert consul.consul("kv", "get", "-stale", "kept/0", pod="consul-2") == "value 0\n"


@pytest.mark.soak
@pytest.mark.usefixtures("kept")
def test_the_data_of_a_deleted_stateful_set_comes_back(stack: Stack, consul: Consul) -> None:
    consul.kubectl("delete", "statefulset", "consul")
    wait_for("end of the servers", lambda: not consul.uids("server"), 240)
    stack.up()
    # The clients' StatefulSet has not changed, so the update does not wait until they have found the servers again.
    consul.wait_healthy()
    stack.preview("--expect-no-changes")


@pytest.mark.usefixtures("kept")
def test_the_data_of_deleted_claims_comes_back(stack: Stack, consul: Consul) -> None:
    claims = [f"data-{server}" for server in server_names(3)]
    consul.kubectl("delete", "persistentvolumeclaims", *claims, "--wait=false")
    end(consul, *server_names(3))

    def phases() -> set[str]:
        volumes = [f"{consul.namespace}-{claim}" for claim in claims]
        return {volume["status"]["phase"] for volume in consul.objects("persistentvolumes", *volumes)}

    wait_for("released volumes", lambda: phases() == {"Released"})
    refused = stack.preview(check=False)
    assert "Servers cannot start" in stack.refused()
    _, _, command = " ".join(refused.split()).partition("Run kubectl ")
    assert command
    consul.kubectl(*shlex.split(command.partition(", then pulumi up")[0]))
    stack.up()
    consul.wait_healthy()
    stack.preview("--expect-no-changes")


def test_a_server_without_data_votes_for_none_that_lacks_writes(cluster: Cluster, consul: Consul) -> None:
    consul.lead("consul-0")
    with ExitStack() as away:
        away.enter_context(consul.without("consul-2"))
        assert "Success" in consul.consul("kv", "put", "acknowledged/without", "consul-2")
        with consul.without("consul-0"):
            # Now only the disk of consul-0 has the write.
            consul.run("consul-1", "sh", "-c", "rm -r /consul/data/*")
            faults.kill(cluster, consul.namespace, "consul-1", "consul")
            away.close()
            wait_for("candidate", lambda: "starting election" in consul.kubectl("logs", "consul-2", check=False))
            time.sleep(15)
            assert "This server has no data" in consul.kubectl("logs", "consul-1")
            assert "No cluster leader" in consul.consul("operator", "raft", "list-peers", pod="consul-2", check=False)
    consul.wait_healthy(seconds=240)
    assert consul.consul("kv", "get", "acknowledged/without") == "consul-2\n"


@pytest.mark.usefixtures("kept")
def test_a_client_that_is_deleted_by_force_comes_back(consul: Consul) -> None:
    before = consul.member("consul-client-1").address
    consul.kubectl("delete", "pod", "consul-client-1", "--grace-period=0", "--force")
    new = wait_for(
        "new pod", lambda: consul.address("consul-client-1") not in ("", before) and consul.address("consul-client-1")
    )
    # The other agents keep the old address until they have found it dead.
    wait_for("new address", lambda: consul.member("consul-client-1").address == new, 180)
    consul.wait_healthy()
