"""Calls of Consul's API by a script in the pod: with the token, which no argument shows."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from components.agents.agent_config import ACL_DIR
from components.naming import Naming
from operations.commands import OperationError
from operations.server import Server, server_of
from operations.state import RecordedCluster
from tests.support.scripts import write_program

TOKEN = "3f0d9a7c-token"  # noqa: S105


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run the pod's scripts on this machine, with a token and a `curl` that answers its standard input.

    Returns the file that gets the arguments of all programs.
    """
    log = tmp_path / "arguments"
    (tmp_path / "management-token").write_text(TOKEN)
    write_program(tmp_path, "curl", f'echo "curl $*" >> {log}; printf \'{{"header": "%s"}}\' "$(cat)"')

    def run(command: Sequence[str], stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        assert (stdin, stdout) == (None, None)
        with log.open("a") as stream:
            print(*command, file=stream)
        shell = list(command[command.index("--") + 1 :])
        shell[2] = shell[2].replace(ACL_DIR, str(tmp_path))
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        return subprocess.run(shell, env=environment, capture_output=True, text=True, check=True).stdout

    monkeypatch.setattr("operations.server.run", run)
    return log


def test_a_call_is_made_in_the_pod_of_the_first_server(arguments: Path) -> None:
    Server(Naming("east", "shop")).call("catalog/deregister", "PUT", {"Node": "gone"})
    logged = arguments.read_text()
    assert logged.startswith("kubectl --namespace shop exec --stdin east-0 --container=consul -- sh -ec")
    assert '--request PUT --data {"Node": "gone"} http://127.0.0.1:8500/v1/catalog/deregister' in logged


def test_the_leader_runs_the_scripts(arguments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peers = [{"Node": "east-0", "Leader": False}, {"Node": "east-1", "Leader": True}]

    def call(_server: Server, path: str) -> dict[str, Any]:
        return {"operator/raft/configuration": {"Servers": peers}}[path]

    monkeypatch.setattr(Server, "call", call)
    Server(Naming("east", "shop")).leader().run("true")
    assert "exec --stdin east-1 --container=consul" in arguments.read_text()


def test_a_server_that_does_not_run_is_left_out(arguments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cluster(_stack: str, _component: str | None, _namespace: str | None) -> RecordedCluster:
        return RecordedCluster(Naming("east", "shop"), {"east-ca": "CA"}, {"east": {"serverReplicas": 3.0}})

    def answer(server: Server, _script: str) -> str:
        if server.pod in away:
            raise OperationError(f"{server.pod} is away")
        return "CA\n"

    monkeypatch.setattr("operations.server.cluster_of", cluster)
    monkeypatch.setattr(Server, "run", answer)
    away = {"east-0"}
    assert server_of("blue").pod == "east-1"
    away |= {"east-1", "east-2"}
    with pytest.raises(OperationError, match="east-2 is away"):
        server_of("blue")


def test_the_management_token_is_sent_and_in_no_argument(arguments: Path) -> None:
    assert Server(Naming("east", "shop")).call("agent/members") == {"header": f"X-Consul-Token: {TOKEN}"}
    assert TOKEN not in arguments.read_text()


def test_without_acls_no_token_is_sent(arguments: Path) -> None:
    (arguments.parent / "management-token").unlink()
    assert Server(Naming("east", "shop")).call("agent/members") == {"header": "X-Consul-Token: "}
