"""A second stack: ACLs can be enabled later, and `pulumi destroy` leaves nothing behind."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.consul import Consul
from tests.support.settings import E2E_DEVELOPMENT, E2E_NAMESPACE
from tests.support.stack import Stack
from tools.devcluster.cluster import Cluster

SECOND = E2E_DEVELOPMENT | {"namespace": "second", "ingressHost": "second.localhost"}


def everything(consul: Consul) -> set[str]:
    """Return all objects in Kubernetes, as kind/namespace/name, except those that it creates and deletes by itself."""
    kinds = consul.kubectl("api-resources", "--verbs=list", "--output=name").split()
    kinds = [kind for kind in kinds if kind.partition(".")[0] not in ("events", "leases", "componentstatuses")]
    listed: list[dict[str, Any]] = json.loads(
        consul.kubectl("get", ",".join(kinds), "--all-namespaces", "--output", "json")
    )["items"]
    return {f"{item['kind']}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}" for item in listed}


@dataclass
class Second:
    """A second stack, and the objects that existed before it."""

    stack: Stack
    before: set[str]

    @property
    def consul(self) -> Consul:
        """Return its Consul cluster, with the management token if ACLs are enabled."""
        return Consul(self.stack.kubeconfig, "second", self.stack.outputs().get("managementToken", ""))


@pytest.fixture(scope="module")
def second(cluster: Cluster, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Second:
    """Return the second stack, updated without ACLs."""
    before = everything(Consul(stack.kubeconfig, E2E_NAMESPACE))
    second = Stack(tmp_path_factory.mktemp("second"), kubeconfig=cluster.kubeconfig)
    second.configure(SECOND | {"aclEnabled": False, "serviceTokens": []})
    second.up()
    return Second(second, before)


def test_enabling_acls_later_loses_no_write(second: Second) -> None:
    second.consul.wait_healthy()
    assert second.consul.run("consul-client-0", "consul", "kv", "put", "old", "data")
    second.stack.configure(SECOND)
    second.stack.up()
    assert second.consul.consul("kv", "get", "old") == "data\n"
    denied = second.consul.run("consul-client-0", "consul", "kv", "get", "old", check=False)
    assert "Permission denied" in denied


def test_an_update_during_a_deletion_is_refused(second: Second) -> None:
    # As `pulumi destroy` deletes it.
    second.consul.kubectl("delete", "statefulset", "consul", "--cascade=foreground", "--wait=false")
    assert "The StatefulSet consul is being deleted" in second.stack.preview(check=False)
    second.consul.kubectl("wait", "--for=delete", "statefulset/consul", "--timeout=180s", timeout=200)
    second.stack.up()
    second.consul.wait_healthy()
    assert second.consul.consul("kv", "get", "old") == "data\n"


def test_destroy_leaves_nothing(second: Second, consul: Consul) -> None:
    assert len(everything(consul) - second.before) > 20
    second.stack.pulumi("destroy", "--yes", "--skip-preview")
    assert everything(consul) - second.before == set()
    assert second.stack.deployment() == []

    # A new cluster on the same disks starts empty, and the first stack has not changed. It comes up one step at a time:
    # no step waits for a later one.
    second.stack.up("--parallel=1")
    assert "No key exists" in second.consul.consul("kv", "get", "old", check=False)
    second.stack.pulumi("destroy", "--yes", "--skip-preview")
    consul.wait_healthy()
