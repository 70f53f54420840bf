"""A snapshot is restored: the agents and tokens of another cluster go, those of this cluster are registered again."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from components.naming import Naming
from operations.commands import OperationError
from operations.server import Server
from operations.snapshots.restore import copy_of, foreign_agents, restore

OWN_TOKEN, FOREIGN_TOKEN = "own-secret", "foreign-secret"

VOLUMES = [
    {"name": "tls", "secret": {"secretName": "east"}},
    {"name": "tokens", "secret": {"secretName": "east-acl-2"}},
]
JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "east-acl-1", "namespace": "shop", "labels": {"a": "b"}, "uid": "1", "resourceVersion": "2"},
    "spec": {
        "backoffLimit": 0,
        "completions": 1,
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "1"}},
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/name": "east-acl", "batch.kubernetes.io/controller-uid": "1"}},
            "spec": {"containers": [], "volumes": VOLUMES},
        },
    },
    "status": {"succeeded": 1},
}

COPY: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "generateName": "east-acl-1-",
        "namespace": "shop",
        "labels": {"app.kubernetes.io/managed-by": "consul-cluster"},
    },
    "spec": {
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": 3600,
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/name": "east-acl"}},
            "spec": {"containers": [], "volumes": VOLUMES},
        },
    },
}


def node(name: str, id_: str) -> dict[str, Any]:
    return {"Node": name, "ID": id_}


def member(name: str, id_: str, status: int = 1) -> dict[str, Any]:
    return {"Name": name, "Tags": {"id": id_}, "Status": status}


def agent_check(name: str) -> dict[str, Any]:
    return {"Node": name, "CheckID": "serfHealth"}


def test_agents_of_another_cluster_are_foreign_and_external_nodes_are_not() -> None:
    members = [member("east-0", "new"), member("east-client-0", "client")]
    nodes = [node("east-0", "old"), node("east-3", "gone"), node("east-client-0", "client"), node("mainframe", "")]
    checks = [agent_check(name) for name in ("east-0", "east-3", "east-client-0")]
    external_check = {"Node": "mainframe", "CheckID": "ping"}
    assert foreign_agents(members, nodes, [*checks, external_check]) == ["east-0", "east-3"]


def test_a_copy_of_a_job_has_nothing_that_kubernetes_added() -> None:
    assert copy_of(JOB) == COPY


@dataclass(frozen=True)
class FakeServer(Server):
    """The first server of a cluster with two agents, after another cluster's snapshot was restored."""

    naming: Naming = field(default_factory=lambda: Naming("east", "shop"))
    jobs: list[dict[str, Any]] = field(default_factory=lambda: [JOB])
    is_snapshot: bool = True
    actions: list[str] = field(default_factory=list[str])
    """Every change, in order."""
    arguments: list[str] = field(default_factory=list[str])
    """The arguments of all programs."""
    created: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The objects that kubectl created."""

    def run(self, script: str, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """Answer a script."""
        self.arguments.extend(arguments)
        if "snapshot inspect" in script and not self.is_snapshot:
            raise OperationError("failed: EOF")
        if "snapshot restore" in script:
            self.actions.append("restore")
        if "autopilot set-config" in script:
            self.actions.append(f"min-quorum {arguments[0]}")
        return ""

    def call(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Answer a call: the catalog lacks `east-1` when it is first read after a deregistration."""
        self.arguments.append(f"{method} {path} {body}")
        if method != "GET":
            self.actions.append(f"{method} {path} {json.dumps(body)}")
            return None
        nodes = [node("east-0", "new"), node("east-9", "gone")]
        if self.arguments.count("GET catalog/nodes None") > 2:
            nodes.append(node("east-1", "1"))
        return {
            "agent/members": [member("east-0", "new"), member("east-1", "1"), member("east-2", "2", status=4)],
            "catalog/nodes": nodes,
            "health/state/any": [agent_check("east-0"), agent_check("east-9")],
            "acl/token/self": {"AccessorID": "own"},
            "acl/tokens": [
                {"AccessorID": "own", "Description": "Initial Management Token", "SecretID": OWN_TOKEN},
                {"AccessorID": "foreign", "Description": "Initial Management Token", "SecretID": FOREIGN_TOKEN},
                {"AccessorID": "agent", "Description": "consul-cluster server", "SecretID": OWN_TOKEN},
                {"AccessorID": "former", "Description": "consul-cluster server", "SecretID": FOREIGN_TOKEN},
                {"AccessorID": "other", "Description": "web", "SecretID": "x"},
            ],
        }[path]

    def kubectl(self, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """Answer a call of kubectl."""
        self.arguments.extend(arguments)
        if stdin:
            self.created.append(json.loads(stdin.read()))
        if arguments[:2] == ("get", "statefulset"):
            return "5" if arguments[2] == "east" else ""
        if arguments[:3] == ("get", "secret", "east-acl-2"):
            return "agent.json management-first "
        if arguments[0] == "get":
            return json.dumps({"items": self.jobs})
        self.actions.append(" ".join(arguments))
        return "job.batch/east-acl-1-x7k2p\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a snapshot; saving the data before the restore is an action without effect, and waiting takes no time."""

    def save(server: FakeServer, file: Path) -> None:
        server.actions.append(f"save {file.name}")

    monkeypatch.setattr("operations.snapshots.restore.save", save)
    monkeypatch.setattr("operations.snapshots.restore._POLL_SECONDS", 0)
    file = tmp_path / "a.snap"
    file.write_text("a snapshot")
    return file


def test_another_cluster_is_replaced_by_this_one(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = FakeServer()
    restore(server, file, file.with_name("before.snap"))
    assert server.actions == [
        "save before.snap",
        "restore",
        "min-quorum 5",
        'PUT catalog/deregister {"Node": "east-9"}',
        # The Job also deletes the other cluster's management token.
        "create --filename=- --output=name",
        "wait --for=condition=Complete --timeout=300s job.batch/east-acl-1-x7k2p",
        "DELETE acl/token/former null",
    ]
    assert server.created == [COPY]
    labels = server.naming.job_labels("east-acl")
    assert f"--selector={','.join(f'{key}={value}' for key, value in labels.items())}" in server.arguments
    printed = capsys.readouterr().out
    assert "Waiting for 1 of 2 agents to register: east-1" in printed  # east-2 is dead
    for token in (OWN_TOKEN, FOREIGN_TOKEN):
        assert token not in printed
        assert not [argument for argument in server.arguments if token in argument]


def test_without_acls_no_token_is_touched(file: Path) -> None:
    server = FakeServer(jobs=[])
    restore(server, file, file.with_name("before.snap"))
    changes = ["min-quorum 5", 'PUT catalog/deregister {"Node": "east-9"}']
    assert server.actions == ["save before.snap", "restore", *changes]


def test_a_file_that_is_not_a_snapshot_changes_nothing(file: Path) -> None:
    server = FakeServer(is_snapshot=False)
    with pytest.raises(OperationError, match="is not a complete snapshot; nothing was changed"):
        restore(server, file, file.with_name("before.snap"))
    assert not server.actions


def test_agents_that_do_not_register_in_time_are_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.snapshots.restore._TIMEOUT_SECONDS", -1)
    with pytest.raises(OperationError, match=r"run the same command again.* not in the catalog: east-1"):
        restore(FakeServer(), file, file.with_name("before.snap"))
