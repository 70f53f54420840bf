"""The choice of Pulumi, and of the Python that the language host runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import toolchain
from tools.toolchain import environment, parts


def program(path: Path, script: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that the toolchain's Pulumi is built and first on the PATH; return its PULUMI_HOME."""
    monkeypatch.setenv("CONSUL_CLUSTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tools.toolchain.golang.version", lambda: "go1.26.1")
    folder = parts.named("pulumi-home").folder
    for name in ("pulumi", "pulumi-language-python"):
        program(folder / "bin" / name)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{tmp_path / 'theirs'}:/usr/bin:/bin")
    return folder


def test_the_toolchains_pulumi_is_not_mistaken_for_the_users(home: Path) -> None:
    assert toolchain.users_pulumi() is None
    assert toolchain.binary("pulumi") == home / "bin" / "pulumi"


def test_the_environment_names_the_home_and_keeps_pulumi_offline(home: Path, tmp_path: Path) -> None:
    assert toolchain.pulumi_environment() == {
        "PULUMI_HOME": str(home),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        # Only once, although it was on the PATH already.
        "PATH": f"{home / 'bin'}:{tmp_path / 'theirs'}:/usr/bin:/bin",
    }


def test_the_users_pulumi_is_used_unchanged(home: Path, tmp_path: Path) -> None:
    theirs = program(tmp_path / "theirs" / "pulumi")
    program(tmp_path / "theirs" / "pulumi-language-python")
    assert toolchain.users_pulumi() == theirs
    assert toolchain.binary("pulumi") == theirs
    assert toolchain.pulumi_environment() == {}


def test_a_pulumi_that_cannot_run_python_is_not_used(home: Path, tmp_path: Path) -> None:
    program(tmp_path / "theirs" / "pulumi")
    assert toolchain.users_pulumi() is None
    assert toolchain.pulumi_environment()["PULUMI_HOME"] == str(home)


@pytest.fixture
def unknown_kubectl(home: Path) -> Iterator[None]:
    """Forget which kubectl an earlier test found."""
    environment.users_kubectl.cache_clear()
    yield
    environment.users_kubectl.cache_clear()


@pytest.mark.parametrize("version", ["v1.34.9", "v1.35.0", "v1.36.2"])
def test_the_users_kubectl_is_used_if_its_version_is_near(unknown_kubectl: None, tmp_path: Path, version: str) -> None:
    theirs = program(tmp_path / "theirs" / "kubectl", f"echo Client Version: {version}")
    assert toolchain.binary("kubectl") == theirs
    assert {part.name for part in parts.CLUSTER} - {part.name for part in toolchain.cluster_parts()} == {"kubectl"}


@pytest.mark.parametrize("script", ["echo Client Version: v1.33.1", "exit 1", "exec /no/such/program"])
def test_another_kubectl_is_not_used(unknown_kubectl: None, tmp_path: Path, script: str) -> None:
    program(tmp_path / "theirs" / "kubectl", script)
    with pytest.raises(toolchain.NotBuiltError, match="toolchain build kubectl"):
        toolchain.binary("kubectl")
    assert toolchain.cluster_parts() == parts.CLUSTER


def test_a_kubectl_of_another_platform_is_not_used(unknown_kubectl: None, tmp_path: Path) -> None:
    program(tmp_path / "theirs" / "kubectl").write_bytes(b"\x7fELF")
    assert toolchain.users_kubectl() is None


def test_the_toolchains_kubectl_is_used_once_it_is_built(unknown_kubectl: None, tmp_path: Path) -> None:
    program(tmp_path / "theirs" / "kubectl", "echo Client Version: v1.35.0")
    ours = program(parts.named("kubectl").folder / "bin" / "kubectl")
    assert toolchain.binary("kubectl") == ours


def test_a_part_that_is_not_built_is_an_error_with_the_command(home: Path) -> None:
    with pytest.raises(toolchain.NotBuiltError, match="toolchain build kubernetes"):
        toolchain.binary("kubelet")


def chosen_python(
    project: Path, runtime: str, cwd: Path, virtual_env: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the language host's script with fake Pythons that print their own path."""
    (project / "Pulumi.yaml").write_text(f"name: test\nruntime: {runtime}\n")
    path = program(project / "path" / "python3", "echo from the PATH").parent
    env = {"PATH": f"{path}:{os.environ['PATH']}"} | ({"VIRTUAL_ENV": str(virtual_env)} if virtual_env else {})
    return subprocess.run(
        [parts.HERE / "pulumi-language-python", "127.0.0.1:1"],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "runtime",
    [
        "\n  name: python\n  options:\n    virtualenv: .venv",
        "\n  name: python\n  options:\n    virtualenv: '.venv'  # beside this file",
        "{name: python, options: {virtualenv: .venv}}",
        '{"name": "python", "options": {"virtualenv": ".venv"}}',
    ],
)
def test_the_projects_virtualenv_runs_the_program_from_any_folder(tmp_path: Path, runtime: str) -> None:
    program(tmp_path / ".venv" / "bin" / "python", "echo from the option")
    below = tmp_path / "below"
    below.mkdir()
    for cwd in (tmp_path, below):
        assert chosen_python(tmp_path, runtime, cwd).stdout == "from the option\n"


def test_without_the_option_the_activated_environment_is_used_then_the_path(tmp_path: Path) -> None:
    program(tmp_path / "active" / "bin" / "python", "echo activated")
    assert chosen_python(tmp_path, "python", tmp_path, tmp_path / "active").stdout == "activated\n"
    assert chosen_python(tmp_path, "python", tmp_path).stdout == "from the PATH\n"


def test_a_missing_virtualenv_is_named(tmp_path: Path) -> None:
    result = chosen_python(tmp_path, "{name: python, options: {virtualenv: gone}}", tmp_path)
    assert result.returncode == 1
    assert f"{tmp_path}/gone" in result.stderr
