"""Pulumi.prod.yaml as it is in the repository, on volumes that a dynamic provisioner creates."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.consul import Consul, server_names, wait_for
from tests.support.stack import PROJECT_DIR, Stack
from tools.devcluster.addons import STORAGE_CLASS
from tools.devcluster.cluster import Cluster

NAMESPACE = "consul"
VALUE = "kept\n"


@pytest.fixture(scope="module")
def prod(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield the stack prod, updated with the settings file of the repository."""
    cluster.add_provisioner()
    folder = tmp_path_factory.mktemp("prod")
    # As for a user, `pulumi stack init` finds the file, and adds only the key of the stack's secrets.
    shutil.copy(PROJECT_DIR / "Pulumi.prod.yaml", folder)
    prod = Stack(folder, "prod", kubeconfig=cluster.kubeconfig)
    try:
        prod.up()
        yield prod
    finally:
        prod.destroy_protected()
        Consul(cluster.kubeconfig, NAMESPACE).kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")


@pytest.fixture
def consul(prod: Stack) -> Consul:
    """Return the Consul cluster of the stack prod."""
    return Consul(prod.kubeconfig, NAMESPACE, prod.outputs()["managementToken"])


def volumes(consul: Consul) -> dict[str, dict[str, Any]]:
    """Return the specification of each claim's PersistentVolume, by the claim's name."""
    specs = [volume["spec"] for volume in consul.objects("persistentvolumes")]
    return {spec["claimRef"]["name"]: spec for spec in specs if spec["claimRef"]["namespace"] == NAMESPACE}


def node(volume: dict[str, Any]) -> str:
    """Return the name of the node on which a volume is."""
    (term,) = volume["nodeAffinity"]["required"]["nodeSelectorTerms"]
    (name,) = term["matchExpressions"][0]["values"]
    return name


def folder(cluster: Cluster, volume: dict[str, Any]) -> Path:
    """Return the folder of a volume's files on this machine."""
    return cluster.files.machine(node(volume)) / Path(volume["local"]["path"]).relative_to("/")


def test_each_server_has_a_new_volume_on_its_own_node(prod: Stack, consul: Consul) -> None:
    consul.wait_healthy()
    claims = consul.objects("persistentvolumeclaims")
    assert {claim["metadata"]["name"] for claim in claims} == {f"data-{server}" for server in server_names(3)}
    assert [claim["status"]["phase"] for claim in claims] == ["Bound"] * 3
    assert [claim["spec"]["storageClassName"] for claim in claims] == [STORAGE_CLASS] * 3
    assert sorted(node(volume) for volume in volumes(consul).values()) == consul.nodes()
    prod.preview("--expect-no-changes")


def test_a_write_survives_a_deleted_pod_and_a_rolling_update(prod: Stack, consul: Consul) -> None:
    consul.consul("kv", "put", "before", "kept")
    consul.kubectl("delete", "pod", consul.leader())
    consul.wait_healthy()
    assert consul.consul("kv", "get", "before") == VALUE

    before = consul.uids()
    prod.pulumi("config", "set", "logLevel", "debug")
    prod.up()
    consul.wait_healthy()
    assert not set(before.values()) & set(consul.uids().values())
    assert consul.consul("kv", "get", "before") == VALUE
    prod.preview("--expect-no-changes")


def test_the_data_remains_until_the_namespace_is_deleted(prod: Stack, consul: Consul, cluster: Cluster) -> None:
    kept = volumes(consul)
    prod.destroy_protected()
    assert [claim["status"]["phase"] for claim in consul.objects("persistentvolumeclaims")] == ["Bound"] * 3
    assert volumes(consul) == kept
    assert all((folder(cluster, volume) / "raft").is_dir() for volume in kept.values())

    consul.kubectl("delete", "namespace", NAMESPACE)
    wait_for("deleted volumes", lambda: not volumes(consul), 120)
    assert not [volume for volume in kept.values() if folder(cluster, volume).exists()]
