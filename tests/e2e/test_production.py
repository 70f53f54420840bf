"""Production: protected resources cannot be replaced, and the data remains when the stack is destroyed."""

import pytest

from tests.support.consul import Consul
from tests.support.stack import Stack

PROTECTED = [
    "kubernetes:core/v1:Namespace::consul",
    "kubernetes:core/v1:PersistentVolume::data-consul-0",
    "kubernetes:apps/v1:StatefulSet::consul",
    "kubernetes:apps/v1:StatefulSet::consul-client",
    "tls:index/privateKey:PrivateKey::consul-ca",
    "pulumi:index:Stash::consul-healthy",
]


@pytest.mark.parametrize("resource", PROTECTED)
def test_protected_resources_cannot_be_replaced(production: Stack, resource: str) -> None:
    printed = production.preview("--replace", f"**{resource}", check=False)
    assert "unable to replace resource" in printed
    assert "marked for protection" in printed


def test_destroying_production_keeps_the_data_and_a_new_cluster_starts_empty(production: Stack) -> None:
    before = Consul(production.kubeconfig, "production", production.outputs()["managementToken"])
    before.consul("kv", "put", "kept", "x")
    state = production.deployment()
    assert "preview failed" in production.pulumi("destroy", "--yes", check=False).stdout
    assert production.deployment() == state

    production.destroy_protected()
    claims = before.objects("persistentvolumeclaims")
    assert [claim["status"]["phase"] for claim in claims] == ["Bound"] * 3
    # The claims and their volumes remain. Nothing remains that runs or that contains secrets.
    assert not [name for kind in ("pods", "secrets", "services", "statefulsets") for name in before.objects(kind)]

    production.up()
    after = Consul(production.kubeconfig, "production", production.outputs()["managementToken"])
    after.wait_healthy()
    assert before.token != after.token
    assert "No key exists" in after.consul("kv", "get", "kept", check=False)
    assert {claim["metadata"]["uid"] for claim in after.objects("persistentvolumeclaims")} == {
        claim["metadata"]["uid"] for claim in claims
    }
