"""The README's examples and figures, and the commands that it names."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from components.settings import Settings
from tools.bench.figures import Figure

PROJECT = Path(__file__).parent.parent.parent
README = (PROJECT / "README.md").read_text()


def section(heading: str) -> str:
    """What is below a heading."""
    return README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


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
    others = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "MAKE"))}
    command = ["make", "--silent", "own", f"STACK={stack}"]
    result = subprocess.run(command, cwd=PROJECT, env=others | environment, capture_output=True, text=True, check=False)
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
