"""What `pulumi destroy` leaves: nothing."""

import json
from pathlib import Path
from typing import Any

from devcluster.cluster import Cluster
from tests.e2e.conftest import SETTINGS
from tests.e2e.consul import Consul
from tests.stack import Stack


def everything(consul: Consul) -> set[str]:
    """All objects of the cluster but those that come and go by themselves, as kind/namespace/name."""
    kinds = consul.kubectl("api-resources", "--verbs=list", "--output=name").split()
    kinds = [kind for kind in kinds if kind.partition(".")[0] not in ("events", "leases", "componentstatuses")]
    listed: list[dict[str, Any]] = json.loads(
        consul.kubectl("get", ",".join(kinds), "--all-namespaces", "--output", "json")
    )["items"]
    return {f"{item['kind']}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}" for item in listed}


def test_destroy_leaves_nothing(cluster: Cluster, stack: Stack, consul: Consul, tmp_path: Path) -> None:
    """A second stack beside the first; the first stays."""
    before = everything(consul)
    second = Stack(tmp_path, kubeconfig=cluster.kubeconfig)
    second.configure(SETTINGS | {"namespace": "second", "ingressHost": "second.localhost"})
    second.up()
    there = Consul(cluster.kubeconfig, "second")
    there.wait_healthy()
    there.consul("kv", "put", "old", "data")
    assert len(everything(consul) - before) > 20
    second.pulumi("destroy", "--yes", "--skip-preview")
    assert everything(consul) - before == set()
    assert second.deployment() == []

    # A new cluster on the same disks is new.
    second.up()
    assert "No key exists" in there.consul("kv", "get", "old", check=False)
    second.pulumi("destroy", "--yes", "--skip-preview")
    consul.wait_healthy()
