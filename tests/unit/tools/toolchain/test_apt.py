"""Download and unpack Debian packages, with scripts in place of apt-get and dpkg-deb."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools.toolchain import apt, debian
from tools.toolchain.errors import ToolchainError
from tools.toolchain.parts import HERE, DebianPart
from tools.toolchain.progress import Task

APT_GET = """#!/bin/sh
echo "$*" >> "$APT_CALLS"
case "$*" in
*update*) touch "$APT_CALLS.updated"; exit ;;
esac
[ -e "$APT_CALLS.updated" ] || [ -z "$APT_OLD" ] || { echo "404 Not Found"; exit 100; }
touch libc6_2.36_amd64.deb tool_1.0_amd64.deb
"""

DPKG_DEB = """#!/bin/sh
mkdir -p "$3"
touch "$3/$(basename "$2")"
"""


@pytest.fixture(autouse=True)
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the scripts on the PATH; return the list of apt-get's calls."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in {"apt-get": APT_GET, "dpkg-deb": DPKG_DEB}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("APT_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("APT_OLD", "")
    return tmp_path / "calls"


def unpack(to: Path, *, closure: bool = False, without: Sequence[str] = ()) -> list[str]:
    """Unpack the package `tool`; return what is there then."""
    to.mkdir()
    with (to.parent / "log").open("w") as log:
        asyncio.run(apt.unpack(["tool"], to / "root", Task("part"), log, closure=closure, without=without))
    assert [path.name for path in to.iterdir()] == ["root"]
    return sorted(path.name for path in (to / "root").iterdir())


def test_the_named_packages_are_unpacked(tmp_path: Path, calls: Path) -> None:
    assert unpack(tmp_path / "part") == ["libc6_2.36_amd64.deb", "tool_1.0_amd64.deb"]
    assert calls.read_text() == "download tool\n"


def test_a_closure_has_all_dependencies_except_those_left_out(tmp_path: Path, calls: Path) -> None:
    assert unpack(tmp_path / "part", closure=True, without=["libc6"]) == ["tool_1.0_amd64.deb"]
    (call,) = calls.read_text().splitlines()
    assert call.startswith(f"-oDir::State::status={tmp_path}/part/apt/status ")
    assert call.endswith("--no-install-recommends --download-only install tool")


@pytest.mark.parametrize("closure", [False, True])
def test_outdated_package_lists_are_replaced_by_separate_ones(
    tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch, closure: bool
) -> None:
    monkeypatch.setenv("APT_OLD", "yes")
    assert "tool_1.0_amd64.deb" in unpack(tmp_path / "part", closure=closure)
    _, update, again = calls.read_text().splitlines()
    own = f"-oDir::State::Lists={tmp_path}/part/apt/lists"
    assert update.startswith(own)
    assert update.endswith("update")
    assert again.startswith(own)


def test_our_start_script_takes_the_place_of_a_program(tmp_path: Path) -> None:
    part = DebianPart("tool", makes=("chromium",), packages=("tool",), ours=("browser/chromium",))
    with (tmp_path / "log").open("w") as log:
        (tmp_path / "part").mkdir()
        asyncio.run(debian.make(part, tmp_path / "part", Task("part"), log))
    assert (tmp_path / "part/bin/chromium").read_bytes() == (HERE / "browser/chromium").read_bytes()
    assert (tmp_path / "part/bin/chromium").stat().st_mode & 0o111


def test_a_missing_apt_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"`apt-get` was not found.*Debian or Ubuntu"):
        unpack(tmp_path / "part")
