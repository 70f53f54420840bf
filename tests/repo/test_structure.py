"""The structure of the repository: which folders may import which, and how long a file may be."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import PROJECT_DIR

# The Python packages of this repository.
PACKAGES = {"components", "operations", "plugin", "policy", "tests", "tools"}

MAY_IMPORT = {
    "components": {"components"},
    "operations": {"operations", "components"},
    "plugin": {"plugin", "components"},
    "policy": {"policy", "components"},
    # Benchmarks create stacks with the helpers of the tests.
    "tools": {"tools", "policy", "tests"},
}

# Modules that do not import Pulumi, so that programs without Pulumi can use them and import them quickly.
PURE = ["identity.py", "images.py", "naming.py", "quorum.py", "kubernetes/scripts.py", "settings"]

MOST_LINES = 400


def sources(folder: str) -> list[Path]:
    path = PROJECT_DIR / folder
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_go_one_way(folder: str) -> None:
    wrong = [
        f"{path.relative_to(PROJECT_DIR)} imports {module}"
        for path in sources(folder)
        for module in imported(path)
        if (root := module.partition(".")[0]) in PACKAGES and root not in MAY_IMPORT[folder]
    ]
    assert wrong == []


def test_only_benchmarks_import_from_tests() -> None:
    users = {
        path.relative_to(PROJECT_DIR / "tools").parts[0]
        for path in sources("tools")
        for module in imported(path)
        if module.startswith("tests")
    }
    assert users == {"bench"}


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_need_no_pulumi(name: str) -> None:
    modules = {module.partition(".")[0] for path in sources(f"components/{name}") for module in imported(path)}
    assert not [module for module in modules if module.startswith("pulumi")]


def test_tests_do_not_import_other_tests() -> None:
    allowed = re.compile(r"tests\.(support|preview\.policy_programs)\b")
    wrong = [
        f"{path.relative_to(PROJECT_DIR)} imports {module}"
        for path in sources("tests")
        for module in imported(path)
        if module.startswith("tests.") and not allowed.match(module)
    ]
    assert wrong == []


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(PROJECT_DIR)): lines
        for folder in PACKAGES
        for path in sources(folder)
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}
