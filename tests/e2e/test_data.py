"""No acknowledged write is lost, whatever happens to pods."""

from collections.abc import Iterator

import pytest

from devcluster import faults
from devcluster.cluster import Cluster
from tests.e2e.consul import Consul, server_names, wait_for

KEYS = {f"kept/{number}": f"value {number}" for number in range(10)}


@pytest.fixture
def kept(consul: Consul) -> Iterator[None]:
    """Some keys that must be there afterwards, as they were."""
    for key, value in KEYS.items():
        consul.consul("kv", "put", key, value, pod="consul-client-0")
    yield
    consul.wait_healthy()
    assert {key: consul.consul("kv", "get", key).removesuffix("\n") for key in KEYS} == KEYS


def node_ids(consul: Consul) -> dict[str, str]:
    """The identity on each server's volume."""
    return {server: consul.run(server, "cat", "/consul/data/node-id") for server in server_names(3)}


@pytest.mark.usefixtures("kept")
def test_each_server_finds_its_own_data_after_all_pods_are_deleted_at_once(consul: Consul) -> None:
    before, volumes = node_ids(consul), bound(consul)
    assert len(set(before.values())) == 3
    assert volumes == {server: f"{consul.namespace}-data-{server}" for server in server_names(3)}
    uids = {pod["metadata"]["uid"] for pod in consul.objects("pods")}
    consul.kubectl("delete", "pods", "--all", timeout=180)
    consul.wait_healthy(seconds=180)
    assert not uids & {pod["metadata"]["uid"] for pod in consul.objects("pods")}
    assert node_ids(consul) == before
    assert bound(consul) == volumes


def bound(consul: Consul) -> dict[str, str]:
    """The volume of each server's claim."""
    claims = consul.objects("persistentvolumeclaims")
    return {claim["metadata"]["name"].removeprefix("data-"): claim["spec"]["volumeName"] for claim in claims}


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("which", ["leader", "follower"])
def test_a_killed_server_comes_back(cluster: Cluster, consul: Consul, which: str) -> None:
    (victim, *_) = [peer.name for peer in consul.peers() if peer.state == which]
    witness = next(iter(server_names(3) - {victim}))
    before = restarts(consul, victim)
    faults.kill(cluster, consul.namespace, victim, "consul")
    wait_for("writes", lambda: "Success" in consul.consul("kv", "put", "while/dead", victim, pod=witness))
    wait_for("restart", lambda: restarts(consul, victim) > before)
    consul.wait_healthy()
    assert consul.consul("kv", "get", "while/dead", pod=victim) == f"{victim}\n"


def restarts(consul: Consul, pod: str) -> int:
    """How often the pod's container was started again."""
    (status,) = [item["status"] for item in consul.objects("pods") if item["metadata"]["name"] == pod]
    return status["containerStatuses"][0]["restartCount"]


@pytest.mark.usefixtures("kept")
def test_a_client_deleted_without_a_word_comes_back(consul: Consul) -> None:
    before = consul.member("consul-client-1").address
    consul.kubectl("delete", "pod", "consul-client-1", "--grace-period=0", "--force")
    new = wait_for(
        "new pod", lambda: consul.address("consul-client-1") not in ("", before) and consul.address("consul-client-1")
    )
    # The others hold on to the old address until they have found it dead.
    wait_for("new address", lambda: consul.member("consul-client-1").address == new, 180)
    consul.wait_healthy()
