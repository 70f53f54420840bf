"""How other programs are run, and how errors are presented."""

import sys
from pathlib import Path

import pytest
import typer

from operations.commands import OperationError, errors_presented, run
from tests.support.scripts import write_program


def test_the_output_of_a_command_is_returned() -> None:
    assert run(["sh", "-c", "echo one; echo ignored >&2"]) == "one\n"


def test_the_output_of_a_command_can_go_to_a_file(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as stream:
        assert run(["sh", "-c", "echo one"], stdout=stream) == ""
    assert (tmp_path / "out").read_text() == "one\n"


def test_a_failed_command_is_an_error_with_its_messages_but_without_the_script_in_the_pod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_program(tmp_path, "kubectl", "echo out; echo reason >&2; exit 3")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(OperationError) as error:
        run(["kubectl", "exec", "consul-0", "--", "sh", "-ec", "a script"])
    assert str(error.value) == "kubectl exec consul-0 failed: out\nreason"


def test_a_program_that_is_not_installed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OperationError, match="kubectl is not on the PATH: install it"):
        run(["kubectl", "get", "pods"])


def test_a_command_that_hangs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.commands._TIMEOUT_SECONDS", 0.01)
    with pytest.raises(OperationError, match="did not end within"):
        run([sys.executable, "-c", "import time; time.sleep(60)"])


def test_an_error_is_one_message_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as exit_, errors_presented():
        raise OperationError("the reason: what to do")
    assert exit_.value.exit_code == 1
    assert capsys.readouterr().err == "error: the reason: what to do\n"
