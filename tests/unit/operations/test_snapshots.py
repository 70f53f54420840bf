"""Snapshots of a stack: what is pure, and what is refused before anything is called, with made-up programs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from operations.snapshots.restore import anew, strangers
from tests.support.stack import PROJECT_DIR


def node(name: str, id_: str) -> dict[str, Any]:
    return {"Node": name, "ID": id_}


def test_agents_of_another_cluster_are_strangers_and_what_others_registered_is_not() -> None:
    members = [{"Name": "consul-0", "Tags": {"id": "new"}}, {"Name": "consul-client-0", "Tags": {"id": "client"}}]
    nodes = [
        node("consul-0", "old"),
        node("consul-3", "gone"),
        node("consul-client-0", "client"),
        node("mainframe", ""),
    ]
    checks = [{"Node": name, "CheckID": "serfHealth"} for name in ("consul-0", "consul-3", "consul-client-0")]
    others, other_checks = [node("mainframe", "")], [{"Node": "mainframe", "CheckID": "ping"}]
    assert strangers(members, nodes + others, checks + other_checks) == ["consul-0", "consul-3"]


def test_a_job_runs_once_more_without_what_kubernetes_added() -> None:
    declared: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "consul-acl-1", "namespace": "blue", "labels": {"a": "b"}, "annotations": {"c": "d"}},
        "spec": {
            "backoffLimit": 0,
            "template": {"metadata": {"labels": {"app.kubernetes.io/name": "consul-acl"}}, "spec": {"containers": []}},
        },
    }
    running = json.loads(json.dumps(declared))
    running["metadata"] |= {"uid": "1", "resourceVersion": "2"}
    running["spec"] |= {"selector": {"matchLabels": {}}, "completions": 1}
    running["spec"]["template"]["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = "1"
    running["status"] = {"succeeded": 1}
    assert anew(running) == declared


def snapshots(folder: Path, *arguments: str, ca_in_the_pod: str = "MINE") -> tuple[int, str, list[str]]:
    """The exit code, what is said, and the calls of a `pulumi` and a `kubectl` that give away what they are asked."""
    calls = folder / "calls"
    outputs = json.dumps({"namespace": "blue", "caCertificate": "MINE\n"})
    for name, answer in {"pulumi": outputs, "kubectl": ca_in_the_pod}.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\necho \"{name} $*\" >> {calls}\nprintf %s '{answer}'\n")
        program.chmod(0o755)
    result = subprocess.run(
        [sys.executable, "-m", "operations", *arguments],
        cwd=PROJECT_DIR,
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout + result.stderr, calls.read_text().splitlines() if calls.exists() else []


@pytest.mark.parametrize("command", ["snapshot", "restore"])
def test_the_cluster_of_another_stack_is_left_alone(tmp_path: Path, command: str) -> None:
    file = tmp_path / "a.snap"
    if command == "restore":
        file.write_text("a snapshot")
    sure = ["--yes"] if command == "restore" else []
    code, said, calls = snapshots(tmp_path, command, "blue", str(file), *sure, ca_in_the_pod="OTHER")
    assert code == 1
    assert "namespace blue of kubectl's current cluster has another Consul than stack blue" in said
    assert not [call for call in calls if "snapshot" in call]


def test_nothing_is_restored_without_a_yes(tmp_path: Path) -> None:
    file = tmp_path / "a.snap"
    file.write_text("a snapshot")
    code, said, calls = snapshots(tmp_path, "restore", "blue", str(file))
    assert code == 1
    assert "Replace all data of the Consul cluster of blue" in said
    assert not calls


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "a.snap"
    file.write_text("precious")
    code, said, _ = snapshots(tmp_path, "snapshot", "blue", str(file))
    assert code == 1
    assert f"{file} is there already" in said
    assert file.read_text() == "precious"


def test_a_file_that_did_not_arrive_whole_is_not_kept(tmp_path: Path) -> None:
    # This `kubectl` answers the same to all, so that the checksum is never the file's.
    code, said, _ = snapshots(tmp_path, "snapshot", "blue", str(tmp_path / "a.snap"))
    assert code == 1
    assert "has not arrived as it was sent" in said
    assert not list(tmp_path.glob("a.snap*"))
