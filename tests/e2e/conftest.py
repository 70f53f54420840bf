"""One real cluster and one stack on it for all tests of the program; neither is the user's own."""

from collections.abc import Iterator
from typing import Any

import pytest

import toolchain
from devcluster.cluster import Cluster
from tests.e2e.consul import Consul
from tests.stack import Stack

NAMESPACE = "e2e"
SETTINGS: dict[str, Any] = {
    "environment": "development",
    "namespace": NAMESPACE,
    # Five, so that there is room for five servers.
    "storageNodes": ["node-1", "node-2", "node-3", "node-1", "node-2"],
    "ingressEnabled": True,
    "ingressHost": "consul.localhost",
}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three Kubernetes nodes with the Consul image."""
    cluster = Cluster(name="e2e", state=tmp_path_factory.mktemp("devcluster"))
    try:
        cluster.up()
        cluster.load_image(toolchain.consul_image())
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def stack(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack, brought up once; a test that changes it changes it back."""
    stack = Stack(tmp_path_factory.mktemp("stack"), kubeconfig=cluster.kubeconfig)
    stack.configure(SETTINGS)
    stack.up()
    return stack


@pytest.fixture
def consul(stack: Stack) -> Consul:
    """The running cluster, healthy at the start of each test."""
    consul = Consul(stack.kubeconfig, NAMESPACE)
    consul.wait_healthy()
    return consul


@pytest.fixture
def settings(stack: Stack) -> Iterator[dict[str, Any]]:
    """The stack's settings; a test that changed them changes them back, in one more update."""
    yield SETTINGS
    if stack.settings != SETTINGS:
        stack.configure(SETTINGS)
        stack.up()
