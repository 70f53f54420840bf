"""The `toolchain` command: which parts `build` builds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tools.errors import ToolError
from tools.toolchain import parts
from tools.toolchain.build import Step
from tools.toolchain.cli import app


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pretend that nothing is built; return the names of the parts that would be built."""
    names: list[str] = []

    def build(wanted: Iterable[parts.Part], console: Console, steps: Iterable[Step]) -> int:
        assert not steps
        names.extend(part.name for part in wanted)
        return 0

    monkeypatch.setattr("tools.toolchain.build.build", build)
    for program in ("pulumi", "kubectl"):
        monkeypatch.setattr(f"tools.toolchain.environment.users_{program}", lambda: None)
    return names


def names(*kinds: tuple[parts.Part, ...]) -> set[str]:
    return {part.name for kind in kinds for part in kind}


def test_parts_for_tests_are_built_only_if_named(asked: list[str]) -> None:
    assert CliRunner().invoke(app, ["build"]).exit_code == 0
    assert set(asked) == names(parts.CLUSTER, parts.ENGINE)

    asked.clear()
    assert CliRunner().invoke(app, ["build", "checkers", "languages", "consul"]).exit_code == 0
    assert set(asked) == names(parts.CHECKERS, parts.LANGUAGES) | {"consul"}


def test_whoever_has_pulumi_and_a_cluster_needs_no_go(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def without_go() -> str:
        raise ToolError("`go` was not found")

    monkeypatch.setattr("tools.toolchain.golang.version", without_go)
    monkeypatch.setattr("tools.toolchain.environment.users_kubectl", without_go)
    assert CliRunner().invoke(app, ["build", "engine"]).exit_code == 0


def test_the_local_kubernetes_starts_when_its_parts_are_there(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Step] = []

    def build(wanted: Iterable[parts.Part], console: Console, steps: Iterable[Step]) -> int:
        given.extend(steps)
        return 0

    monkeypatch.setattr("tools.toolchain.build.build", build)
    assert CliRunner().invoke(app, ["build", "--install", "install it", "--start", "start it"]).exit_code == 0
    install, start = given
    assert (install.command, start.command) == ("install it", "start it")
    assert install.needs == ()
    assert set(start.needs) == names(parts.CLUSTER)


def test_an_unknown_name_is_an_error_with_the_known_parts(asked: list[str]) -> None:
    result = CliRunner().invoke(app, ["build", "checker"])
    assert result.exit_code == 1
    assert "kubeconform" in result.output
    assert "Traceback" not in result.output
