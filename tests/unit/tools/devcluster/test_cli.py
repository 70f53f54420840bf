"""The output of the `devcluster` command."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.devcluster.cli import app


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize("command", [["status"], ["kubectl", "get", "nodes"], ["fault", "cut", "node-1"]])
def test_without_a_cluster_every_command_says_how_to_create_one(tmp_path: Path, command: list[str]) -> None:
    code, output = run("--state", str(tmp_path), *command)
    assert code == 1
    assert "create it with `devcluster up`" in output
    assert "Traceback" not in output


def test_down_without_a_cluster_succeeds(tmp_path: Path) -> None:
    code, output = run("--name", "gone", "--state", str(tmp_path), "down")
    assert code == 0
    assert "There is no cluster gone" in output


def test_a_bad_name_is_refused() -> None:
    code, output = run("--name", "No/Name", "status")
    assert code == 1
    assert "cannot be the name of a cluster" in output
