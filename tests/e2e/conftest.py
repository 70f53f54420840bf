"""One Kubernetes cluster and one stack for all end-to-end tests, separate from those of the user."""

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.support.consul import Consul
from tests.support.diagnosis import diagnosis
from tests.support.pods import IDLE, INSIDE, pod, running
from tests.support.settings import E2E_FIRST, E2E_NAMESPACE, E2E_PRODUCTION
from tests.support.stack import Stack
from tools import toolchain
from tools.devcluster.cluster import Cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of `make soak`."""
    parser.addoption("--soak", type=int, default=0, metavar="RUNS", help="cause all of FAULTS, RUNS times")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the state of Kubernetes to the report of a failed test."""
    report = yield
    cluster = item.funcargs.get("cluster")
    if report.failed and isinstance(cluster, Cluster):
        report.sections.append(("Kubernetes", diagnosis(cluster)))
    return report


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Yield a local Kubernetes with three nodes and the Consul image."""
    cluster = Cluster(name="e2e", state=tmp_path_factory.mktemp("devcluster"))
    try:
        cluster.up()
        cluster.load_image(toolchain.consul_image())
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def stack(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return the updated development stack. Tests must undo their changes, except test_changes' rolling update."""
    stack = Stack(tmp_path_factory.mktemp("stack"), kubeconfig=cluster.kubeconfig)
    stack.configure(E2E_FIRST)
    stack.up()
    return stack


@pytest.fixture(scope="session")
def production(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return a second stack in the same Kubernetes, with production settings."""
    production = Stack(
        tmp_path_factory.mktemp("production"), "production", kubeconfig=stack.kubeconfig, backend=stack.backend
    )
    production.configure(E2E_PRODUCTION)
    production.up()
    return production


@pytest.fixture
def consul(stack: Stack) -> Consul:
    """Return the Consul cluster of the development stack, healthy at the start of each test."""
    consul = Consul(stack.kubeconfig, E2E_NAMESPACE, stack.outputs()["managementToken"])
    consul.wait_healthy()
    return consul


# One pod for each module, because the tests of some modules delete all pods of the namespace.
@pytest.fixture(scope="module")
def insider(stack: Stack) -> Iterator[str]:
    """Yield the name of a pod that may call the servers, with the CA certificate in /tls."""
    consul = Consul(stack.kubeconfig, E2E_NAMESPACE)
    tls = {"secret": {"secretName": stack.outputs()["secretName"]}}
    with running(consul, pod("insider", IDLE, labels=INSIDE, volumes={"/tls": tls})):
        yield "insider"


@pytest.fixture
def settings(stack: Stack) -> Iterator[dict[str, Any]]:
    """Yield the stack's settings. If the test changed them, restore them with another update."""
    before = stack.settings
    yield before
    if stack.settings != before:
        stack.configure(before)
        stack.up()
