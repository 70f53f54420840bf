"""The build of parts, with a script in place of Go."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tools.toolchain import cache, go_build, golang, parts
from tools.toolchain.build import Step, build, with_needs
from tools.toolchain.errors import ToolchainError
from tools.toolchain.parts import GoPart

FAKE_GO = """#!/bin/sh
echo "$*" >> "$FAKE_GO_CALLS"
case $1 in
env) echo "$FAKE_GO_VERSION" ;;
list) echo some/package ;;
build)
    [ -z "$FAKE_GO_FAILS" ] || { echo "main.go:1:1: syntax error"; exit 2; }
    for argument; do
        [ "$previous" != -o ] || echo built > "$argument"
        previous=$argument
    done
    mkdir -p "$GOCACHE" ;;
esac
"""


@pytest.fixture(autouse=True)
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put a `go` on the PATH that only writes files; return the list of its calls."""
    program = tmp_path / "bin" / "go"
    program.parent.mkdir()
    program.write_text(FAKE_GO)
    program.chmod(0o755)
    calls = tmp_path / "calls"
    calls.touch()
    for name, value in {
        "PATH": f"{program.parent}:/usr/bin:/bin",
        "FAKE_GO_CALLS": str(calls),
        "FAKE_GO_VERSION": "go1.26.1",
        "FAKE_GO_FAILS": "",
        "CONSUL_CLUSTER_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(parts, "HERE", tmp_path)
    golang.version.cache_clear()
    yield calls
    golang.version.cache_clear()


def go_part(name: str, after: str = "") -> GoPart:
    part = GoPart(name, main=".", makes=(name,), after=after)
    part.module.mkdir(parents=True)
    for file in ("go.mod", "go.sum", "main.go"):
        (part.module / file).touch()
    return part


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_a_part_is_built_once(go: Path) -> None:
    part = go_part("tool")
    assert build([part], quiet()) == 1
    assert (part.folder / "bin" / "tool").read_text() == "built\n"
    calls = go.read_text()
    assert build([part], quiet()) == 0
    assert go.read_text() == calls


def test_build_tags_reach_every_go_command(go: Path) -> None:
    build([replace(go_part("tool"), tags=("small", "quick"))], quiet())
    calls = [call for call in go.read_text().splitlines() if not call.startswith("env")]
    assert len(calls) == 2
    assert all("-tags=small,quick" in call.split() for call in calls)


def test_gos_caches_are_deleted() -> None:
    build([go_part("tool")], quiet())
    assert not golang.caches().exists()


def test_a_failure_shows_the_end_of_the_log_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    part = go_part("tool")
    monkeypatch.setenv("FAKE_GO_FAILS", "yes")
    with pytest.raises(ToolchainError, match="syntax error") as failure:
        build([part], quiet())
    assert str(cache.log("tool")) in str(failure.value)
    assert not part.built

    monkeypatch.setenv("FAKE_GO_FAILS", "")
    assert build([part], quiet()) == 1


def test_a_full_disk_is_an_error_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(go_build, "make", full)
    with pytest.raises(ToolchainError, match=r"No space left on device\. Repair it, and run the same command again"):
        build([go_part("tool")], quiet())


def test_after_a_failure_nothing_else_is_built(go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golang, "AT_ONCE", 1)
    monkeypatch.setenv("FAKE_GO_FAILS", "yes")
    with pytest.raises(ToolchainError, match="syntax error"):
        build([go_part("one"), go_part("two")], quiet())
    assert len([call for call in go.read_text().splitlines() if call.startswith("build")]) == 1


def test_without_a_terminal_progress_is_lines() -> None:
    console = quiet()
    build([go_part("one"), go_part("two")], console)
    assert isinstance(console.file, io.StringIO)
    assert "one done in 0:0" in console.file.getvalue()
    assert "2 of 2 steps: " in console.file.getvalue()


def test_parts_with_common_packages_are_built_one_after_the_other(go: Path) -> None:
    build([go_part("one"), go_part("two", after="one")], quiet())
    commands = [call.split()[0] for call in go.read_text().splitlines() if not call.startswith("env")]
    assert commands == ["list", "build", "list", "build"]


def test_the_part_with_the_most_work_is_next(go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golang, "AT_ONCE", 1)
    build(
        [
            replace(go_part(name), cpu_seconds=seconds)
            for name, seconds in {"one": 1, "two": 2, "four": 4, "three": 3}.items()
        ],
        quiet(),
    )
    outputs = re.findall(r"-o \S+/(\w+) ", go.read_text())
    assert outputs == ["four", "three", "two", "one"]


def test_modules_are_deleted_when_the_last_part_of_their_family_is_built(
    go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golang, "AT_ONCE", 1)
    family = [go_part("one"), go_part("two", after="one"), go_part("other")]
    monkeypatch.setattr(parts, "_BY_NAME", {part.name: part for part in family})
    assert [part.family for part in family] == ["one", "one", "other"]
    seen: dict[str, list[str]] = {}
    make = go_build.make

    async def observed(part: GoPart, *arguments: Any) -> None:
        golang.modules(part.family).mkdir(parents=True, exist_ok=True)
        await asyncio.sleep(0.1)  # for the deletion of another family
        seen[part.name] = sorted(each.name for each in golang.modules(part.family).parent.iterdir())
        await make(part, *arguments)

    monkeypatch.setattr(go_build, "make", observed)
    build(family, quiet())
    assert seen == {"one": ["one"], "two": ["one"], "other": ["other"]}
    assert not golang.caches().exists()


@pytest.fixture
def steps_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))


def test_a_step_runs_when_what_it_needs_is_there(tmp_path: Path, steps_log: None) -> None:
    part = go_part("tool")
    to = tmp_path / "started"
    to.mkdir()
    install = Step("install", f"sh -c 'sleep 0.2; touch {tmp_path}/installed'")
    start = Step("start", f"cp {part.folder}/bin/tool {tmp_path}/installed {to}", ("tool", "install"))
    assert build([part], quiet(), [install, start]) == 1
    assert {each.name for each in to.iterdir()} == {"tool", "installed"}

    (to / "tool").unlink()
    assert build([part], quiet(), [start, install]) == 0
    assert (to / "tool").exists()


def test_a_step_that_fails_says_why_and_ends_the_build(steps_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(*_: object) -> None:
        await asyncio.Event().wait()

    part = go_part("tool")
    failing = Step("install", "sh -c 'echo no [/index]; exit 3'")
    with monkeypatch.context() as patched:
        patched.setattr(go_build, "make", endless)
        with pytest.raises(ToolchainError, match=r"no \[/index\](.|\n)*exit code 3"):
            build([part], quiet(), [failing])
    assert not part.built

    assert build([part], quiet()) == 1
    with pytest.raises(ToolchainError, match="exit code 3"):
        build([part], quiet(), [failing])


def test_gos_caches_are_deleted_after_a_step_failed(steps_log: None) -> None:
    with pytest.raises(ToolchainError):
        build([go_part("tool")], quiet(), [Step("start", "false", ("tool",))])
    assert golang.caches().exists()
    build([], quiet(), [Step("start", "true")])
    assert not golang.caches().exists()


def test_needed_parts_come_first_and_once() -> None:
    names = [part.name for part in with_needs([parts.named("pulumi-home"), parts.named("pulumi")])]
    assert names == ["pulumi", "provider-kubernetes", "provider-random", "provider-tls", "pulumi-home"]


@pytest.mark.parametrize(
    ("cores", "free_gib", "expected"),
    [(1, 16, 2), (2, 16, 2), (4, 16, 3), (8, 32, 5), (2, 3, 2), (4, 8, 2), (64, 60, 12)],
)
def test_cores_and_memory_decide_how_many_builds_run_at_once(cores: int, free_gib: int, expected: int) -> None:
    assert golang.at_once(cores, free_gib * 2**30) == expected


@pytest.mark.parametrize("version", ["go1.25.9", "go1.9", "devel", ""])
def test_an_old_go_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setenv("FAKE_GO_VERSION", version)
    with pytest.raises(ToolchainError, match=r"Install Go 1\.26"):
        golang.version()


def test_a_missing_go_is_an_error_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"`go` was not found on the PATH.*Install Go 1\.26"):
        golang.version()


@pytest.mark.parametrize("version", ["go1.26", "go1.26.8", "go1.27rc1", "go2.0"])
def test_a_new_enough_go_is_accepted(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setenv("FAKE_GO_VERSION", version)
    assert golang.version() == version
