"""`make down` says why it cannot destroy a stack."""

import subprocess
from pathlib import Path

import pytest

from tests.support.stack import PROJECT_DIR, Stack


def make_down(*variables: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--silent", "down", *variables],
        cwd=PROJECT_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def down(stack: Stack, name: str, backend: str) -> subprocess.CompletedProcess[str]:
    """Run `make down` for a stack in a backend, without a cluster."""
    environment = stack.environment | {"PULUMI_BACKEND_URL": backend}
    return make_down("CLUSTER=current", f"STACK={name}", environment=environment)


@pytest.fixture(autouse=True)
def _installed() -> None:
    if not (PROJECT_DIR / ".venv" / "installed").exists():
        pytest.skip("the packages were not installed by make")


@pytest.mark.parametrize(
    ("name", "backend", "error"),
    [
        ("typo", "", "no stack named 'typo' found"),
        ("dev", "file:///nonexistent/backend", "unable to open state directory"),
    ],
)
def test_a_stack_that_cannot_be_found_is_an_error(stack: Stack, name: str, backend: str, error: str) -> None:
    result = down(stack, name, backend or stack.environment["PULUMI_BACKEND_URL"])
    assert result.returncode != 0
    assert error in result.stderr


def test_a_stack_dev_that_was_never_created_is_no_error(stack: Stack) -> None:
    result = down(stack, "dev", stack.environment["PULUMI_BACKEND_URL"])
    assert result.returncode == 0, result.stderr


def test_before_pulumi_is_built_the_local_kubernetes_is_taken_down(stack: Stack, tmp_path: Path) -> None:
    environment = stack.environment | {
        "PATH": f"{PROJECT_DIR / '.venv' / 'bin'}:/usr/bin:/bin",  # without Pulumi
        "CONSUL_CLUSTER_CACHE": str(tmp_path / "cache"),
        "DEVCLUSTER_NAME": "never",
    }
    del environment["PULUMI_BACKEND_URL"]
    result = make_down(f"STATE={tmp_path}", "CLUSTER=devcluster", "STACK=dev", environment=environment)
    assert result.returncode == 0, result.stderr
    assert "There is no cluster never" in result.stderr
