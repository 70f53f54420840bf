"""A Kubernetes cluster and a stack for the end-to-end tests of each worker, separate from those of the user."""

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
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
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Cluster]:
    """Yield a local Kubernetes with three nodes and the Consul image."""
    cluster = Cluster(name=f"e2e-{worker_id}", state=tmp_path_factory.mktemp("devcluster"))
    try:
        # A cluster looks for free ports before it uses them.
        with one_at_a_time():
            cluster.up()
        cluster.load_image(toolchain.consul_image())
        yield cluster
    finally:
        cluster.down()


@contextmanager
def one_at_a_time() -> Generator[None]:
    """Let only one worker run the block at a time."""
    folder = os.open(Path(__file__).parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(folder)


@pytest.fixture(scope="session")
def stack(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return the updated development stack. Tests must undo their changes, except test_changes' rolling update."""
    stack = Stack(tmp_path_factory.mktemp("stack"), kubeconfig=cluster.kubeconfig)
    stack.configure(E2E_FIRST)
    stack.up()
    return stack


@pytest.fixture(scope="session")
def production_stack(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return a second stack for the same Kubernetes, with production settings."""
    production = Stack(
        tmp_path_factory.mktemp("production"), "production", kubeconfig=stack.kubeconfig, backend=stack.backend
    )
    production.configure(E2E_PRODUCTION)
    return production


# For each module anew: agents without work would take a fifth of a core from the other tests.
@pytest.fixture(scope="module")
def production(production_stack: Stack) -> Iterator[Stack]:
    """Yield the updated production stack."""
    production_stack.up()
    yield production_stack
    production_stack.destroy_protected()


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
