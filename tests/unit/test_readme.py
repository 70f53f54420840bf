"""The README's tables, against what they are about."""

import re
from pathlib import Path

from components.settings import Settings
from tests.unit.conftest import Declare, development

README = (Path(__file__).parent.parent.parent / "README.md").read_text()


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of the first table below a heading, by their first cell."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}


def test_every_setting_is_in_the_table_with_its_default() -> None:
    table = rows("Settings")
    assert list(table) == [field.alias for field in Settings.model_fields.values()]
    for field in Settings.model_fields.values():
        default = table[field.alias or ""][0]
        if isinstance(field.default, str | int) and field.default != "":
            expected = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            assert re.match(f"`{re.escape(expected)}`", default), f"{field.alias}: {default}"


def test_every_output_is_in_the_table_with_its_secrecy(declare: Declare) -> None:
    table = rows("Outputs")
    assert set(table) == set(declare(development()).outputs)
    assert [name for name, cells in table.items() if "secret" in cells[0]] == ["gossipKey"]
