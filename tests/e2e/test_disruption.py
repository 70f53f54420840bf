"""Evictions stop one server at a time, and the next one only when the first votes again."""

import json

from tests.support.consul import Consul, wait_for


def evict(consul: Consul, pod: str) -> str:
    """Request the eviction of a pod, as `kubectl drain` does, and return the API server's answer."""
    metadata = {"name": pod, "namespace": consul.namespace}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    path = f"/api/v1/namespaces/{consul.namespace}/pods/{pod}/eviction"
    return consul.kubectl("create", "--raw", path, "--filename", "-", stdin=json.dumps(eviction), check=False)


def test_a_drain_evicts_one_server_at_a_time(consul: Consul) -> None:
    consul.consul("kv", "put", "before", "drain")
    assert "Success" in evict(consul, "consul-1")
    assert "would violate the pod's disruption budget" in evict(consul, "consul-2")
    assert consul.consul("kv", "get", "before") == "drain\n"
    consul.wait_healthy()
    wait_for("eviction of the next server", lambda: "Success" in evict(consul, "consul-2"))
    consul.wait_healthy()
    assert consul.consul("kv", "get", "before", pod="consul-2") == "drain\n"
