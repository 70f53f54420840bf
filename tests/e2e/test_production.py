"""A production stack beside the development stack: protection, its end, a snapshot that moves there, and the UI."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.browser import listed, log_in, page
from tests.support.consul import Consul, client_names, server_names
from tests.support.operations import consul_cluster
from tests.support.pods import IDLE, pod, running
from tests.support.stack import Stack
from tools import toolchain

PROTECTED = [
    "kubernetes:core/v1:Namespace::consul",
    "kubernetes:core/v1:PersistentVolume::data-consul-0",
    "kubernetes:apps/v1:StatefulSet::consul",
    "kubernetes:apps/v1:StatefulSet::consul-client",
    "tls:index/privateKey:PrivateKey::consul-ca",
    "pulumi:index:Stash::consul-healthy",
]

KEYS = {f"moved/{number}": f"value {number}" for number in range(10)}


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


@pytest.fixture
def moved(production: Stack) -> Consul:
    """Return the cluster in which the snapshot is restored."""
    return Consul(production.kubeconfig, "production", production.outputs()["managementToken"])


def test_a_snapshot_moves_all_data_to_another_cluster(
    consul: Consul, stack: Stack, production: Stack, moved: Consul, tmp_path: Path
) -> None:
    for key, value in KEYS.items():
        consul.consul("kv", "put", key, value)
    moved.consul("kv", "put", "there/before", "x")
    nodes = moved.consul("catalog", "nodes", "-detailed").splitlines()
    file = tmp_path / "moved.snap"

    # As if the cluster of the snapshot had fewer servers.
    consul.consul("operator", "autopilot", "set-config", "-min-quorum=1")
    said = consul_cluster(stack, "snapshot", stack.name, file)
    consul.consul("operator", "autopilot", "set-config", "-min-quorum=3")
    assert file.stat().st_mode & 0o777 == 0o600
    said += consul_cluster(production, "restore", production.name, file, "--yes")

    assert {key: moved.consul("kv", "get", key).removesuffix("\n") for key in KEYS} == KEYS
    # The cluster keeps its own agents, which the IDs show, and its own tokens.
    ids = {tuple(line.split()[:2]) for line in nodes}
    found = {tuple(line.split()[:2]) for line in moved.consul("catalog", "nodes", "-detailed").splitlines()}
    assert ids <= found
    # Nodes that are no agents are data and move, such as one that a test has left behind. No agent moves.
    assert not {name for name, _ in found - ids} & (server_names(3) | client_names(3))
    assert "MinQuorum = 3" in moved.consul("operator", "autopilot", "get-config")
    moved.wait_healthy()
    for agent in ("consul-0", "consul-client-0"):
        moved.wait_members(agent)
    outputs, others = production.outputs(), stack.outputs()
    own = Consul(moved.kubeconfig, moved.namespace, outputs["serviceTokens"]["web"])
    assert "web" in own.consul("acl", "token", "read", "-self")
    for token in (others["managementToken"], others["metricsToken"], others["serviceTokens"]["web"]):
        other = Consul(moved.kubeconfig, moved.namespace, token)
        assert "ACL not found" in other.consul("acl", "token", "read", "-self", check=False)
        assert token not in said
    assert outputs["managementToken"] not in said
    # The Job that created the tokens again was a copy, so the stack's own is untouched.
    production.preview("--refresh", "--expect-no-changes")

    # The previous data can be restored.
    (before,) = tmp_path.glob("production-before-*.snap")
    consul_cluster(production, "restore", production.name, before, "--yes")
    assert moved.consul("kv", "get", "there/before") == "x\n"
    assert "Error" in moved.consul("kv", "get", "moved/0", check=False)
    moved.wait_healthy()
    # Each restore ran one copy, not a copy of the last copy too.
    assert len(moved.objects("jobs", "--selector", "app.kubernetes.io/managed-by=consul-cluster")) == 2


def test_an_invalid_snapshot_changes_nothing(production: Stack, moved: Consul, tmp_path: Path) -> None:
    moved.consul("kv", "put", "kept", "x")
    file = tmp_path / "broken.snap"
    file.write_bytes(b"no snapshot")
    assert "nothing was changed" in consul_cluster(production, "restore", production.name, file, "--yes", check=False)
    assert moved.consul("kv", "get", "kept") == "x\n"
    assert list(tmp_path.iterdir()) == [file]


@contextmanager
def forwarded(stack: Stack, namespace: str) -> Generator[int]:
    """Forward a free port of the loopback to the UI's Service, as in the README, and yield the port."""
    command = [str(toolchain.binary("kubectl")), "--kubeconfig", str(stack.kubeconfig), "--namespace", namespace]
    forwarding = subprocess.Popen(
        [*command, "port-forward", "service/consul-ui", ":8501"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert forwarding.stdout
        yield int(forwarding.stdout.readline().partition("127.0.0.1:")[2].split()[0])
    finally:
        forwarding.terminate()
        forwarding.wait(timeout=10)


def test_the_ui_of_production_is_only_reachable_by_a_forwarded_port(stack: Stack, production: Stack) -> None:
    outputs = production.outputs()
    there = Consul(production.kubeconfig, "production", outputs["managementToken"])
    there.wait_healthy()
    assert "uiUrl" not in outputs
    assert there.objects("ingresses") == []
    assert {service["spec"]["type"] for service in there.objects("services")} == {"ClusterIP"}
    with forwarded(production, "production") as port, page("localhost", port, outputs["caCertificate"]) as ui:
        log_in(ui, outputs["managementToken"])
        assert listed(ui, "nodes") == server_names(3) | client_names(3)

    # No agent answers other namespaces. The client namespaces cannot see the UI either, because clients have none.
    outside = Consul(stack.kubeconfig, "default")
    addresses = {name: there.address(name) for name in ("consul-0", "consul-client-0")}
    with running(outside, pod("outside", IDLE)):
        for address in addresses.values():
            said = outside.run(
                "outside", "curl", "-sS", "--connect-timeout", "3", f"https://{address}:8501/ui/", check=False
            )
            assert "timed out" in said or "timeout" in said.lower()
    assert "404" in there.run(
        "consul-client-0", "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "https://localhost:8501/ui/"
    )
