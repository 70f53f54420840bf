"""The README's tables, against what they are about."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from components.settings import Settings
from tests.support.environment import clean_environment
from tests.support.graph import declare, development
from tests.support.readme import rows, section
from tools.bench.figures import Figure

PROJECT = Path(__file__).parent.parent.parent


def test_every_setting_is_in_the_table_with_its_default() -> None:
    table = rows("Settings")
    assert list(table) == [field.alias for field in Settings.model_fields.values()]
    for field in Settings.model_fields.values():
        default = table[field.alias or ""][0]
        if isinstance(field.default, str | int) and field.default != "":
            expected = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            assert re.match(f"`{re.escape(expected)}`", default), f"{field.alias}: {default}"


def test_every_output_is_in_the_table_with_its_secrecy() -> None:
    table = rows("Outputs")
    assert set(table) == set(declare(development()).outputs)
    secret = [name for name, cells in table.items() if "secret" in cells[0]]
    assert secret == ["gossipKey", "managementToken", "metricsToken", "serviceTokens"]


def test_the_settings_for_ones_own_cluster_can_be_used() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", section("Your own cluster"), re.DOTALL)
    config = yaml.safe_load(block)["config"]
    settings = {key.removeprefix("consul-cluster:"): value for key, value in config.items()}
    assert Settings.model_validate_json(json.dumps(settings)).storage_class


@pytest.mark.parametrize(
    ("stack", "environment", "taken"),
    [
        ("dev", {"PULUMI_BACKEND_URL": f"file://{PROJECT}/.state", "PULUMI_CONFIG_PASSPHRASE": "development"}, True),
        ("prod", {"PULUMI_BACKEND_URL": f"file://{PROJECT}/.state"}, False),
        ("prod", {"PULUMI_BACKEND_URL": "s3://ours", "PULUMI_CONFIG_PASSPHRASE": "development"}, False),
        ("prod", {"PULUMI_BACKEND_URL": "s3://ours", "PULUMI_CONFIG_PASSPHRASE": "our development"}, True),
        ("prod", {}, True),  # with Pulumi's own login and secrets provider, or it asks for them
    ],
)
def test_make_refuses_the_backend_and_passphrase_of_dev(stack: str, environment: dict[str, str], taken: bool) -> None:
    command = ["make", "--silent", "own", f"STACK={stack}"]
    result = subprocess.run(
        command, cwd=PROJECT, env=clean_environment() | environment, capture_output=True, text=True, check=False
    )
    assert (result.returncode == 0) == taken
    assert taken or f"The stack {stack} needs a backend" in result.stderr


def test_each_missed_aim_is_said() -> None:
    lines = [line for line in section("Measured").splitlines() if line.startswith("|")][2:]
    assert lines
    for line in lines:
        what, measured, against, other, _, written = (cell.strip() for cell in line.strip("|").split("|"))
        samples, others = ([float(cell.split()[0])] if cell else [] for cell in (measured, other))
        figure = Figure(what, against, written.removesuffix(" (missed)"), samples=samples, other=others)
        assert figure.row()[-1] == written, what
