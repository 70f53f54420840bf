"""The documentation: links have targets, examples are valid, commands exist, and missed aims are marked."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from components.settings import Settings
from tests.support.environment import clean_environment
from tests.support.stack import PROJECT_DIR
from tools.bench.figures import Figure

PAGES = sorted(
    PROJECT_DIR / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
)
README = (PROJECT_DIR / "README.md").read_text()

MOST_LINES_OF_README = 200


def name_of(page: Path) -> str:
    return str(page.relative_to(PROJECT_DIR))


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub generates from a page's headings."""
    headings = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_have_targets(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    broken: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http:", "https:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT_DIR / "Makefile").read_text(), re.MULTILINE))
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE))
    used = set(re.findall(r"(?:^|[(`])make (?:-s )?([a-z]+)", blocks, re.MULTILINE))
    used |= set(re.findall(r"`make (?:-s )?([a-z]+)", page.read_text()))
    assert used <= targets


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES_OF_README


def test_the_example_settings_are_valid() -> None:
    section = README.partition("\n## Your own cluster\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    config = yaml.safe_load(block)["config"]
    settings = {key.removeprefix("consul-cluster:"): value for key, value in config.items()}
    assert Settings.model_validate_json(json.dumps(settings)).storage_class


@pytest.mark.parametrize(
    ("stack", "environment", "accepted"),
    [
        (
            "dev",
            {"PULUMI_BACKEND_URL": f"file://{PROJECT_DIR}/.state", "PULUMI_CONFIG_PASSPHRASE": "development"},
            True,
        ),
        ("prod", {"PULUMI_BACKEND_URL": f"file://{PROJECT_DIR}/.state"}, False),
        ("prod", {"PULUMI_BACKEND_URL": "s3://ours", "PULUMI_CONFIG_PASSPHRASE": "development"}, False),
        ("prod", {"PULUMI_BACKEND_URL": "s3://ours", "PULUMI_CONFIG_PASSPHRASE": "our development"}, True),
        ("prod", {}, True),  # Pulumi uses its own login and secrets provider, or asks for them.
    ],
)
def test_make_refuses_the_backend_and_passphrase_of_dev(
    stack: str, environment: dict[str, str], accepted: bool
) -> None:
    command = ["make", "--silent", "own", f"STACK={stack}"]
    environment = clean_environment() | environment
    result = subprocess.run(command, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode == 0) == accepted
    assert accepted or f"The stack {stack} needs its own backend" in result.stderr


def test_missed_aims_are_marked() -> None:
    benchmarks = (PROJECT_DIR / "docs" / "benchmarks.md").read_text()
    lines = [line for line in benchmarks.splitlines() if line.startswith("|")][2:]
    assert lines
    for line in lines:
        what, measured, against, other, _, written = (cell.strip() for cell in line.strip("|").split("|"))
        samples, others = ([float(cell.split()[0])] if cell else [] for cell in (measured, other))
        figure = Figure(what, against, written.removesuffix(" (missed)"), samples=samples, other=others)
        assert figure.row()[-1] == written, what
