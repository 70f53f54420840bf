"""A second stack: its ACLs are switched on later, and what `pulumi destroy` leaves of it is nothing."""

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
    """All objects of the cluster but those that come and go by themselves, as kind/namespace/name."""
    kinds = consul.kubectl("api-resources", "--verbs=list", "--output=name").split()
    kinds = [kind for kind in kinds if kind.partition(".")[0] not in ("events", "leases", "componentstatuses")]
    listed: list[dict[str, Any]] = json.loads(
        consul.kubectl("get", ",".join(kinds), "--all-namespaces", "--output", "json")
    )["items"]
    return {f"{item['kind']}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}" for item in listed}


@dataclass
class Second:
    """A second stack beside the first, and what there was before it."""

    stack: Stack
    before: set[str]

    @property
    def consul(self) -> Consul:
        """Its cluster, with its token where it has one."""
        return Consul(self.stack.kubeconfig, "second", self.stack.outputs().get("managementToken", ""))


@pytest.fixture(scope="module")
def second(cluster: Cluster, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Second:
    """Brought up without ACLs."""
    before = everything(Consul(stack.kubeconfig, E2E_NAMESPACE))
    second = Stack(tmp_path_factory.mktemp("second"), kubeconfig=cluster.kubeconfig)
    second.configure(SECOND | {"aclEnabled": False, "serviceTokens": []})
    second.up()
    return Second(second, before)


def test_acls_may_be_switched_on_later_and_no_write_is_lost(second: Second) -> None:
    second.consul.wait_healthy()
    assert second.consul.run("consul-client-0", "consul", "kv", "put", "old", "data")
    second.stack.configure(SECOND)
    second.stack.up()
    assert second.consul.consul("kv", "get", "old") == "data\n"
    denied = second.consul.run("consul-client-0", "consul", "kv", "get", "old", check=False)
    assert "Permission denied" in denied


def test_destroy_leaves_nothing(second: Second, consul: Consul) -> None:
    assert len(everything(consul) - second.before) > 20
    second.stack.pulumi("destroy", "--yes", "--skip-preview")
    assert everything(consul) - second.before == set()
    assert second.stack.deployment() == []

    # A new cluster on the same disks is new; the first stack is as it was.
    second.stack.up()
    assert "No key exists" in second.consul.consul("kv", "get", "old", check=False)
    second.stack.pulumi("destroy", "--yes", "--skip-preview")
    consul.wait_healthy()
