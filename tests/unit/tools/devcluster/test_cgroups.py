"""The processes of a cgroup."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.devcluster import cgroups
from tools.devcluster.cgroups import Cgroup


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in place of the kernel's cgroup tree."""
    cgroups._hierarchies.cache_clear()  # pyright: ignore[reportPrivateUsage]
    hierarchies = cgroups._Hierarchies({"pids": tmp_path}, None)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(cgroups, "_hierarchies", lambda: hierarchies)
    return tmp_path


def test_a_missing_cgroup_has_no_processes(tree: Path) -> None:
    group = Cgroup("devcluster/none")
    assert not group.exists
    assert group.processes() == group.all_processes() == []


def test_processes_of_child_cgroups_count_too(tree: Path) -> None:
    group = Cgroup("devcluster/dev")
    for number, each in enumerate((group, group / "node-1", group / "node-1" / "kubelet")):
        each.create()
        (tree / each.path / "cgroup.procs").write_text(f"{number}\n")
    assert sorted(group.all_processes()) == [0, 1, 2]
    assert group.processes() == [0]


def test_the_cgroup_of_a_container_is_found_by_name(tree: Path) -> None:
    container = Cgroup("devcluster/dev/pods/burstable/pod1/c0ffee")
    container.create()
    assert Cgroup("devcluster/dev").find("c0ffee") == container
    assert Cgroup("devcluster/dev").find("tea") is None


def test_a_command_joins_the_cgroup_before_it_runs(tree: Path) -> None:
    group = Cgroup("devcluster/dev")
    group.create()
    command = group.joining([sys.executable, "-c", "print(open(input()).read())"])
    procs = str(tree / group.path / "cgroup.procs")
    result = subprocess.run(command, input=procs, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "0"  # for the kernel, zero is the process that writes it


def test_killing_an_empty_cgroup_kills_nothing(tree: Path) -> None:
    group = Cgroup("devcluster/dev")
    group.create()
    group.kill(limit=0)
    assert Path(f"/proc/{os.getpid()}").exists()
