"""The pre-flight check and the preStop hook: no update and no deletion takes a server that the majority needs."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.consul import Consul, server_names, wait_for
from tests.support.stack import Stack


def test_a_restarted_server_keeps_its_address_and_vote(consul: Consul) -> None:
    before = {peer.id: peer.name for peer in consul.peers()}
    address, pod_address = consul.member("consul-1").address, consul.address("consul-1")
    (service,) = [of for of in consul.objects("services") if of["metadata"]["name"] == "consul-1"]
    assert service["spec"]["clusterIP"] == address
    consul.kubectl("delete", "pod", "consul-1")
    consul.wait_healthy()
    assert consul.address("consul-1") not in ("", pod_address)
    assert consul.member("consul-1").address == address
    assert {peer.id: peer.name for peer in consul.peers()} == before


def test_a_server_that_is_away_keeps_its_vote(consul: Consul) -> None:
    with consul.without("consul-0"):
        # Gossip finds the server dead within seconds, and autopilot looks for dead servers every 10 s.
        time.sleep(30)
        assert consul.member("consul-0", pod="consul-1").status == "failed"
        assert {peer.name for peer in consul.peers("consul-1") if peer.voter} == server_names(3)
    consul.wait_healthy()


def test_a_deleted_service_of_a_server_gets_its_address_back(stack: Stack, consul: Consul) -> None:
    def addresses() -> dict[str, str]:
        services = {of["metadata"]["name"]: of["spec"]["clusterIP"] for of in consul.objects("services")}
        return {server: services[server] for server in server_names(3)}

    before = addresses()
    consul.kubectl("delete", "service", *server_names(3))
    stack.up()
    assert addresses() == before
    stack.preview("--expect-no-changes")
    consul.wait_healthy()


def test_an_update_does_not_interfere_with_a_rollout_of_others(stack: Stack, consul: Consul) -> None:
    consul.kubectl("rollout", "restart", "statefulset", "consul")
    assert "wait for its end" in stack.refused()
    consul.kubectl("rollout", "status", "statefulset", "consul", timeout=300)
    stack.preview("--expect-no-changes")
    # Without kubectl's annotation, the next update of the StatefulSet restarts no server.
    consul.kubectl("rollout", "undo", "statefulset", "consul")
    consul.kubectl("rollout", "status", "statefulset", "consul", timeout=300)
    consul.wait_healthy()


@pytest.mark.soak
def test_a_degraded_cluster_shrinks_only_if_allowed(stack: Stack, settings: dict[str, Any], consul: Consul) -> None:
    stack.configure(settings | {"serverReplicas": 5})
    stack.up()
    consul.consul("kv", "put", "kept", "x")
    before = consul.uids("server")
    # The update does not end before consul-0 is back: it waits for all three servers.
    with ThreadPoolExecutor() as pool:
        with consul.without("consul-0"):
            stack.configure(settings)
            refused = stack.refused()
            assert "consul-0 is not" in refused
            assert "allowDegraded" in refused
            assert consul.uids("server").items() >= {of: before[of] for of in before if of != "consul-0"}.items()
            # The server that was to go could start again.
            assert "consul-4.json" in consul.kubectl("get", "configmap", "consul-addresses", "--output", "json")
            stack.configure(settings | {"allowDegraded": True})
            update = pool.submit(stack.up)
            wait_for("the end of consul-3 and consul-4", lambda: len(consul.uids("server")) == 3, 180)
            assert consul.consul("kv", "get", "kept", pod="consul-1") == "x\n"
            voters = {peer.name for peer in consul.peers(pod="consul-1") if peer.voter}
            assert not voters & {"consul-3", "consul-4"}
        update.result()
    consul.wait_healthy()
    consul.consul("kv", "delete", "kept")


def test_a_server_that_the_majority_needs_waits_before_it_stops(consul: Consul) -> None:
    before = consul.uids("server")
    with consul.without("consul-0"):
        # Autopilot looks every 2 s.
        wait_for("dead server", lambda: "false" in consul.consul("operator", "autopilot", "state", pod="consul-1"))
        consul.kubectl("delete", "pod", "consul-2", "--wait=false")
        for number in range(20):
            assert "Success" in consul.consul("kv", "put", f"while/degraded/{number}", "x", pod="consul-1")
        assert consul.uids("server")["consul-2"] == before["consul-2"]
    consul.wait_healthy()
    assert consul.uids("server")["consul-2"] != before["consul-2"]
    consul.consul("kv", "delete", "-recurse", "while/")


def test_up_restores_the_servers_that_somebody_removed(stack: Stack, consul: Consul) -> None:
    consul.kubectl("scale", "statefulset", "consul", "--replicas=2")
    wait_for("end of consul-2", lambda: "consul-2" not in consul.uids())
    stack.up()
    assert {peer.name for peer in consul.peers() if peer.voter} == server_names(3)
    stack.preview("--expect-no-changes")


def test_a_leader_that_is_gone_without_a_word_costs_seconds(consul: Consul) -> None:
    leader = consul.leader()
    witness = min(server_names(3) - {leader})
    consul.kubectl("delete", "pod", leader, "--grace-period=0", "--force")
    # 21 to 62 s in the versions in which a server advertised its pod's address.
    wait_for(
        "writes", lambda: "Success" in consul.consul("kv", "put", "while/forced", "x", pod=witness, check=False), 15
    )
    consul.wait_healthy()
