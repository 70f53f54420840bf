"""The commands, with programs in place of `pulumi` and `kubectl`: which cluster they act on, and what they refuse."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from operations.cli import app
from tests.support.exported import CA_CERTIFICATE, exported
from tests.support.scripts import write_program
from tests.support.stack import PROJECT_DIR

# The pod that is asked leads: the arguments of kubectl are --namespace NAMESPACE exec --stdin POD.
LEADER = """printf '{"Servers": [{"Node": "%s", "Leader": true}]}' "$5" """


@dataclass(frozen=True)
class Programs:
    """A `pulumi` and a `kubectl` that log their arguments; each gives one answer, and another one about the leader."""

    folder: Path

    def __post_init__(self) -> None:
        """Write the programs: one cluster `consul` in the namespace `shop`, whose Kubernetes is the current context."""
        self.state(exported(("consul", "shop")))
        self.pod_answers(CA_CERTIFICATE)
        for name in ("pulumi", "kubectl"):
            answer = f'case "$*" in *raft/configuration*) {LEADER} ;; *) cat {self.folder}/answer-of-{name} ;; esac'
            write_program(self.folder, name, f'echo "{name} $*" >> {self.folder}/calls; {answer}')

    def state(self, state: dict[str, Any]) -> None:
        """Set the stack's state."""
        (self.folder / "answer-of-pulumi").write_text(json.dumps(state))

    def pod_answers(self, text: str) -> None:
        """Set what every script in the pod prints."""
        (self.folder / "answer-of-kubectl").write_text(text)

    def calls(self, program: str) -> list[str]:
        """Return the calls of a program."""
        log = self.folder / "calls"
        return re.findall(rf"^{program} .*", log.read_text(), re.MULTILINE) if log.exists() else []

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its exit code and what it prints."""
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Have no programs on the PATH but these and the system's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Programs(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that may be a snapshot."""
    file = tmp_path / "a.snap"
    file.write_text("precious")
    return file


@pytest.mark.parametrize("command", ["snapshot", "restore"])
def test_the_cluster_of_another_stack_is_left_alone(programs: Programs, file: Path, command: str) -> None:
    programs.pod_answers("ANOTHER CA")
    new = file.with_name("new.snap")
    code, output = programs.run(command, "blue", *(["--yes", str(file)] if command == "restore" else [str(new)]))
    assert code == 1
    assert output.startswith("error: The namespace shop of kubectl's current context has another Consul cluster")
    assert len(programs.calls("kubectl")) == 1  # which read the CA's certificate
    assert not new.exists()


def test_nothing_is_restored_without_confirmation(programs: Programs, file: Path) -> None:
    code, output = programs.run("restore", "blue", str(file))
    assert code == 1
    assert "Replace all data of the Consul cluster of stack blue" in output
    assert not programs.calls("pulumi")
    assert not programs.calls("kubectl")


def test_an_existing_file_is_not_overwritten(programs: Programs, file: Path) -> None:
    code, output = programs.run("snapshot", "blue", str(file))
    assert code == 1
    assert output == f"error: {file} exists already: name a file that does not exist\n"
    assert file.read_text() == "precious"


@pytest.mark.parametrize(
    ("clusters", "options", "namespace", "pod"),
    [
        ([("east", "shop")], [], "shop", "east-0"),
        ([("east", "shop"), ("west", "shop")], ["--component", "west"], "shop", "west-0"),
        ([("east", "shop"), ("east", "office")], ["--namespace", "office"], "office", "east-0"),
    ],
    ids=["the only one", "by its name", "by its namespace"],
)
def test_a_cluster_of_any_name_and_namespace_is_found(
    programs: Programs,
    tmp_path: Path,
    clusters: list[tuple[str, str]],
    options: list[str],
    namespace: str,
    pod: str,
) -> None:
    programs.state(exported(*clusters))
    programs.run("snapshot", "blue", str(tmp_path / "new.snap"), *options)
    calls = programs.calls("kubectl")
    assert len(calls) == 5  # the CA's certificate, the leader, and the snapshot: save, read, check
    assert {call.split(" --container")[0] for call in calls} == {f"kubectl --namespace {namespace} exec --stdin {pod}"}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (exported(), "error: Stack blue has no Consul cluster"),
        (exported(("east", "shop"), ("west", "shop")), "error: In stack blue, several Consul clusters match"),
        (exported(("east", "shop"), ca=False), "error: Stack blue has not finished creating the Consul cluster east"),
    ],
    ids=["none", "several", "half of one"],
)
def test_no_cluster_is_touched_if_it_is_not_clear_which(
    programs: Programs, tmp_path: Path, state: dict[str, Any], message: str
) -> None:
    programs.state(state)
    code, output = programs.run("snapshot", "blue", str(tmp_path / "new.snap"))
    assert code == 1
    assert output.startswith(message)
    assert not programs.calls("kubectl")


def test_secrets_in_the_state_stay_encrypted(programs: Programs, tmp_path: Path) -> None:
    programs.run("snapshot", "blue", str(tmp_path / "new.snap"))
    assert programs.calls("pulumi") == ["pulumi stack export --non-interactive --stack blue"]


def test_an_error_of_pulumi_is_shown(programs: Programs, tmp_path: Path) -> None:
    write_program(tmp_path, "pulumi", "echo \"error: no stack named 'blue' found\" >&2; exit 255")
    code, output = programs.run("snapshot", "blue", str(tmp_path / "new.snap"))
    assert code == 1
    assert output.startswith("error: pulumi stack export")
    assert "no stack named 'blue' found" in output


def test_the_module_is_the_command(programs: Programs, file: Path) -> None:
    assert programs.folder == file.parent
    result = subprocess.run(
        [sys.executable, "-m", "operations", "snapshot", "blue", file],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"error: {file} exists already: name a file that does not exist\n"
