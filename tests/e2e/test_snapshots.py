"""A snapshot of one cluster, restored in another: all data is there, and the other cluster keeps its agents."""

from pathlib import Path

import pytest

from tests.support.consul import Consul, client_names, server_names
from tests.support.operations import consul_cluster
from tests.support.stack import Stack

KEYS = {f"moved/{number}": f"value {number}" for number in range(10)}


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
    for pod in ("consul-0", "consul-client-0"):
        moved.wait_members(pod)
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
