"""Scripts in pods: no object contains their comments or blank lines."""

import subprocess
from pathlib import Path

import pytest

from components.kubernetes.scripts import read_script
from tests.support.graph import declare, development
from tests.support.stack import PROJECT_DIR

SCRIPTS = sorted((PROJECT_DIR / "components").glob("*/scripts/*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_editing_a_comment_changes_nothing(tmp_path: Path, script: Path) -> None:
    edited = tmp_path / script.name
    edited.write_text("".join(f"{line}\n\n    # A new comment.\n" for line in script.read_text().splitlines()))
    assert read_script(edited) == read_script(script)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_editing_code_changes_something(tmp_path: Path, script: Path) -> None:
    edited = tmp_path / script.name
    edited.write_text(f"{script.read_text()}true\n")
    assert read_script(edited) != read_script(script)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_stripped_script_is_valid_and_has_no_comment(script: Path) -> None:
    text = read_script(script)
    # A here-document or a string over several lines could have a line that starts with `#`.
    assert "<<" not in text
    # https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#entrypoint replaces it with `$`.
    assert "$$" not in text
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


def test_every_pod_has_its_script_without_comments() -> None:
    inputs = declare(development()).inputs
    texts = "".join(text for resource in inputs.values() for text in strings(resource))
    assert [script.name for script in SCRIPTS if read_script(script) not in texts] == []


def strings(value: object) -> list[str]:
    """Yield all strings in a resource's inputs."""
    match value:
        case str():
            return [value]
        case dict():
            return [text for item in value.values() for text in strings(item)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case list():
            return [text for item in value for text in strings(item)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _:
            return []
