"""Snapshots of a stack: what is pure, and what is refused before anything is called, with made-up programs."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from components.identity import COMPONENT_TYPE
from operations.snapshots.restore import anew, strangers
from tests.support.scripts import write_program
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


def resources(*clusters: str) -> list[dict[str, Any]]:
    """The resources of a stack's state with these clusters, each in the namespace `blue`."""
    found: list[dict[str, Any]] = [{"urn": "urn::stack", "type": "pulumi:pulumi:Stack"}]
    for name in clusters:
        urn = f"urn::{COMPONENT_TYPE}::{name}"
        found.append({"urn": urn, "type": COMPONENT_TYPE, "inputs": {"namespace": "blue"}})
        authority = {"type": "tls:index/selfSignedCert:SelfSignedCert", "outputs": {"certPem": "MINE\n"}}
        found.append({"urn": f"{urn}-ca", "parent": urn, **authority})
    return found


def snapshots(
    folder: Path, *arguments: str, ca_in_the_pod: str = "MINE", clusters: Sequence[str] = ("consul",)
) -> tuple[int, str, list[str]]:
    """The exit code, what is said, and the calls of a `pulumi` and a `kubectl` that give away what they are asked."""
    calls = folder / "calls"
    (folder / "answer-of-pulumi").write_text(json.dumps({"deployment": {"resources": resources(*clusters)}}))
    (folder / "answer-of-kubectl").write_text(ca_in_the_pod)
    for name in ("pulumi", "kubectl"):
        write_program(folder, name, f'echo "{name} $*" >> {calls}; cat {folder}/answer-of-{name}')
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
    assert "namespace blue of kubectl's current context has another Consul cluster than stack blue" in said
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


@pytest.mark.parametrize(
    ("clusters", "options", "server"),
    [(("east",), [], "east-0"), (("east", "west"), ["--component", "west"], "west-0")],
    ids=["the only one", "one of two"],
)
def test_a_cluster_of_any_name_is_found(
    tmp_path: Path, clusters: Sequence[str], options: list[str], server: str
) -> None:
    _, _, calls = snapshots(tmp_path, "snapshot", "blue", str(tmp_path / "a.snap"), *options, clusters=clusters)
    executed = [call for call in calls if call.startswith("kubectl")]
    assert executed
    assert all(
        call.startswith(f"kubectl --namespace blue exec --stdin {server} ") for call in executed if "exec" in call
    )


@pytest.mark.parametrize(
    ("clusters", "options", "message"),
    [
        ((), [], "Stack blue has no Consul cluster yet: bring it up with pulumi up --stack blue"),
        (("east", "west"), [], "choose one with --component: east, west"),
        (("east",), ["--component", "west"], "no Consul cluster west; allowed for --component: east"),
    ],
    ids=["none", "several", "another"],
)
def test_a_cluster_that_cannot_be_told_is_one_error(
    tmp_path: Path, clusters: Sequence[str], options: list[str], message: str
) -> None:
    file = str(tmp_path / "a.snap")
    code, said, calls = snapshots(tmp_path, "snapshot", "blue", file, *options, clusters=clusters)
    assert code == 1
    assert message in said
    assert not [call for call in calls if call.startswith("kubectl")]
