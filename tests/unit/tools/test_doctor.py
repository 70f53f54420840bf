"""What `make doctor` says about a machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.stack import PROJECT_DIR
from tools import doctor
from tools.errors import ToolError
from tools.toolchain import environment, golang, parts


def run(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run it as in a new checkout, where no package is installed, with `path` as PATH and HOME."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "tools.doctor", *arguments],
        cwd=PROJECT_DIR,
        env={"PATH": str(path), "HOME": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_everything_that_is_missing_is_named_with_what_to_do(tmp_path: Path) -> None:
    result = run("--quiet", path=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "✗ Go: `go` was not found on the PATH. Install Go" in result.stderr
    assert result.stderr.count("`go` was not found") == 1
    assert "✗ packages: `apt-get` was not found" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_own_cluster_needs_no_local_kubernetes(tmp_path: Path) -> None:
    for name in ("pulumi", "pulumi-language-python", "kubectl"):
        program = tmp_path / name
        program.touch(mode=0o755)
    result = run("--own-cluster", path=tmp_path)
    assert result.returncode == 0, result.stderr
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == ["✓ Python", "✓ kubectl"]


@pytest.fixture
def go_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that the machine has Go, and no Pulumi."""
    monkeypatch.setattr(golang, "version", lambda: "go1.26.1")
    monkeypatch.setattr(environment, "users_pulumi", lambda: None)


def set_free(monkeypatch: pytest.MonkeyPatch, gib: int) -> None:
    def usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=gib * doctor.GIB)

    monkeypatch.setattr(doctor.shutil, "disk_usage", usage)


@pytest.mark.parametrize(("free_gib", "enough"), [(doctor.BUILD_DISK_GIB, True), (doctor.BUILD_DISK_GIB - 1, False)])
def test_the_first_build_needs_space(
    go_only: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_gib: int, enough: bool
) -> None:
    monkeypatch.setenv("CONSUL_CLUSTER_CACHE", str(tmp_path / "new" / "cache"))
    set_free(monkeypatch, free_gib)
    check = dict(doctor.checks(own_cluster=True))["disk"]
    if enough:
        assert check() == f"{free_gib} GiB"
    else:
        with pytest.raises(
            ToolError, match=f"{free_gib}.0 GiB of free disk at {tmp_path}, and {doctor.BUILD_DISK_GIB} GiB"
        ):
            check()


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_later_build_needs_no_more_space(
    go_only: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    monkeypatch.setenv("CONSUL_CLUSTER_CACHE", str(tmp_path))
    (golang.caches() if interrupted else parts.named("pulumi").folder).mkdir(parents=True)
    set_free(monkeypatch, 0)
    assert dict(doctor.checks(own_cluster=True))["disk"]() == "0 GiB"
