"""What a drain of nodes may take: one server at a time, and the next when that one votes again."""

import json

from tests.support.consul import Consul, wait_for


def evict(consul: Consul, pod: str) -> str:
    """What the API server answers to what `kubectl drain` asks of it."""
    metadata = {"name": pod, "namespace": consul.namespace}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    path = f"/api/v1/namespaces/{consul.namespace}/pods/{pod}/eviction"
    return consul.kubectl("create", "--raw", path, "--filename", "-", stdin=json.dumps(eviction), check=False)


def test_a_drain_takes_one_server_at_a_time(consul: Consul) -> None:
    consul.consul("kv", "put", "before", "drain")
    assert "Success" in evict(consul, "consul-1")
    assert "would violate the pod's disruption budget" in evict(consul, "consul-2")
    assert consul.consul("kv", "get", "before") == "drain\n"
    consul.wait_healthy()
    wait_for("leave for the next", lambda: "Success" in evict(consul, "consul-2"))
    consul.wait_healthy()
    assert consul.consul("kv", "get", "before", pod="consul-2") == "drain\n"
