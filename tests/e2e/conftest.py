"""One real cluster and one stack on it for all tests of the program; neither is the user's own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.consul import Consul
from tests.support.pods import IDLE, INSIDE, pod, running
from tests.support.settings import E2E_FIRST, E2E_NAMESPACE, E2E_PRODUCTION
from tests.support.stack import Stack
from tools import toolchain
from tools.devcluster.cluster import Cluster


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
    """The stack, brought up once. A test that changes it changes it back, but for one rolling update, which stays."""
    stack = Stack(tmp_path_factory.mktemp("stack"), kubeconfig=cluster.kubeconfig)
    stack.configure(E2E_FIRST)
    stack.up()
    return stack


@pytest.fixture(scope="session")
def production(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A second cluster beside it, with production's settings."""
    production = Stack(
        tmp_path_factory.mktemp("production"), "production", kubeconfig=stack.kubeconfig, backend=stack.backend
    )
    production.configure(E2E_PRODUCTION)
    production.up()
    return production


@pytest.fixture
def consul(stack: Stack) -> Consul:
    """The running cluster, healthy at the start of each test."""
    consul = Consul(stack.kubeconfig, E2E_NAMESPACE, stack.outputs()["managementToken"])
    consul.wait_healthy()
    return consul


# Not for the whole session, since other modules delete every pod of the namespace.
@pytest.fixture(scope="module")
def insider(stack: Stack) -> Iterator[str]:
    """A pod that may call the servers, with the CA's certificate in /tls."""
    consul = Consul(stack.kubeconfig, E2E_NAMESPACE)
    tls = {"secret": {"secretName": stack.outputs()["secretName"]}}
    with running(consul, pod("insider", IDLE, labels=INSIDE, volumes={"/tls": tls})):
        yield "insider"


@pytest.fixture
def settings(stack: Stack) -> Iterator[dict[str, Any]]:
    """The stack's settings; they are restored after the test, in one more update."""
    before = stack.settings
    yield before
    if stack.settings != before:
        stack.configure(before)
        stack.up()
