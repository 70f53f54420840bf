"""The generated reference: rendering, writing, and checking."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import reference
from components.outputs import OutputSpec, output_specs
from components.reference import broken_promises, config_block, contract, main, outputs_table, replace_generated
from components.settings import Entry, Settings
from components.settings.setting import IN_PLACE, Setting

ROOT = Path(__file__).parents[3]
FILES = ["Pulumi.yaml", "docs/settings.md", "docs/outputs.md", "docs/security.md", "docs/outputs-contract.json"]
OUTPUT = OutputSpec("gossipKey", "string", True, True, "The key.")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the generated files."""
    (tmp_path / "docs").mkdir()
    for file in FILES:
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def test_the_generated_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("file", FILES)
def test_a_stale_file_is_named_and_rewritten(copy: Path, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    good = (copy / file).read_text()
    # These strings are in generated parts. In the contract an output is removed, so it is then a new one.
    for old in ("The Consul image", "| `gossipKey` | string", "| `environment` from"):
        (copy / file).write_text((copy / file).read_text().replace(old, "stale"))
    if file.endswith(".json"):
        (copy / file).write_text("{}")
    assert main(["--check"], copy) == 1
    assert capsys.readouterr().err == f"{file} is stale: run `make docs`\n"
    assert main([], copy) == 0
    assert (copy / file).read_text() == good
    assert main(["--check"], copy) == 0


def test_a_missing_marker_is_an_error_that_names_the_file(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = copy / "docs" / "security.md"
    page.write_text(page.read_text().replace("<!-- generated: refusals -->", ""))
    assert main([], copy) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("docs/security.md: expected one pair of comments 'generated: refusals' and 'end'")
    assert "Traceback" not in printed


def test_a_contract_that_is_not_json_is_not_overwritten(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / reference.CONTRACT).write_text("<<<<<<< HEAD\n")
    assert main([], copy) == 1
    assert capsys.readouterr().err.startswith(f"{reference.CONTRACT} is not JSON")
    assert (copy / reference.CONTRACT).read_text() == "<<<<<<< HEAD\n"


def test_a_missing_page_is_an_error_that_names_the_file(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "docs" / "settings.md").unlink()
    assert main([], copy) == 1
    assert "docs/settings.md" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["write", "check"])
def test_a_broken_contract_is_not_overwritten(
    copy: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_one() -> list[OutputSpec]:
        return [output for output in output_specs() if output.name != "caCertificate"]

    monkeypatch.setattr(reference, "output_specs", without_one)
    before = {file: (copy / file).read_text() for file in FILES}
    assert main(arguments, copy) == 1
    assert "the output caCertificate is gone" in capsys.readouterr().err
    assert {file: (copy / file).read_text() for file in FILES} == before


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ([OUTPUT], []),
        ([OUTPUT, OUTPUT._replace(name="new")], []),
        ([], ["the output gossipKey is gone"]),
        ([OUTPUT._replace(secret=False)], ["the output gossipKey changes: secret was True and is False"]),
        ([OUTPUT._replace(nullable=False)], ["the output gossipKey changes: nullable was True and is False"]),
        (
            [OUTPUT._replace(type="map of strings")],
            ["the output gossipKey changes: type was 'string' and is 'map of strings'"],
        ),
    ],
)
def test_what_breaks_the_contract_of_the_outputs(now: list[OutputSpec], expected: list[str]) -> None:
    assert broken_promises(contract([OUTPUT]), contract(now)) == expected


def test_the_contract_that_is_checked_in_is_kept() -> None:
    written = json.loads((ROOT / "docs" / "outputs-contract.json").read_text())
    assert broken_promises(written, contract(output_specs())) == []


def test_an_output_s_row() -> None:
    row = outputs_table([OUTPUT]).splitlines()[-1]
    assert row == "| `gossipKey` | string or null, **secret** | The key |"


@pytest.mark.parametrize(
    ("default", "required", "cell", "declared"),
    [
        ("10Gi", False, "`10Gi`", {"type": "string", "default": "10Gi"}),
        ("", False, '`""`', {"type": "string", "default": ""}),
        (3, False, "`3`", {"default": 3}),
        (False, False, "`false`", {"default": False}),
        (("a",), False, '`["a"]`', {"default": ["a"]}),
        (None, True, "required", {"type": "string"}),
    ],
)
def test_a_setting_s_row_and_declaration(default: Any, required: bool, cell: str, declared: dict[str, Any]) -> None:
    entry = Entry("a_key", "aKey", Setting("What: it is", "a or | b", IN_PLACE), required, default)
    row = reference.settings_table([entry]).splitlines()[-1]
    assert row == rf"| `aKey` | {cell} | What: it is | a or \| b | in place |"
    assert yaml.safe_load(config_block([entry])) == {"config": {"aKey": {"description": "What: it is"} | declared}}


def test_pulumi_yaml_declares_each_setting_with_a_valid_default() -> None:
    declared: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert list(declared) == [entry.key for entry in Settings.entries()]
    # The engine checks a type before the program runs, and its error does not name the value.
    assert {setting.get("type", "string") for setting in declared.values()} == {"string"}
    defaults = {key: setting["default"] for key, setting in declared.items() if "default" in setting}
    settings = {"environment": "development", **defaults, "storageClass": "fast"}
    assert Settings.model_validate_json(json.dumps(settings)) == Settings.model_validate(
        {"environment": "development", "storage_class": "fast"}
    )


@pytest.mark.parametrize(
    "text", ["", "<!-- generated: a -->\n", "<!-- generated: a -->\n<!-- generated: a -->\n<!-- end -->", "# end\n"]
)
def test_text_without_one_pair_of_markers_is_refused(text: str) -> None:
    with pytest.raises(reference.GenerationError, match="generated: a"):
        replace_generated(text, "a", "body")


def test_text_outside_the_markers_stays() -> None:
    text = "before\n<!-- generated: a -->\nold\n<!-- end -->\nbetween\n<!-- generated: b -->\nkept\n<!-- end -->\n"
    assert replace_generated(text, "a", "new") == text.replace("old", "new")
