"""The `toolchain` command: which parts `build` builds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tools.toolchain import parts
from tools.toolchain.cli import app


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pretend that nothing is built; return the names of the parts that would be built."""
    names: list[str] = []

    def build(wanted: Iterable[parts.Part], console: Console) -> int:
        names.extend(part.name for part in wanted)
        return 0

    monkeypatch.setattr("tools.toolchain.build.build", build)
    monkeypatch.setattr("tools.toolchain.users_pulumi", lambda: None)
    return names


def names(*kinds: tuple[parts.Part, ...]) -> set[str]:
    return {part.name for kind in kinds for part in kind}


def test_parts_for_tests_are_built_only_if_named(asked: list[str]) -> None:
    assert CliRunner().invoke(app, ["build"]).exit_code == 0
    assert set(asked) == names(parts.CLUSTER, parts.ENGINE)

    asked.clear()
    assert CliRunner().invoke(app, ["build", "checkers", "languages", "consul"]).exit_code == 0
    assert set(asked) == names(parts.CHECKERS, parts.LANGUAGES) | {"consul"}


def test_an_unknown_name_is_an_error_with_the_known_parts(asked: list[str]) -> None:
    result = CliRunner().invoke(app, ["build", "checker"])
    assert result.exit_code == 1
    assert "kubeconform" in result.output
    assert "Traceback" not in result.output
