"""What the action graphs of Go say about a build."""

from __future__ import annotations

from typing import Any

import pytest

from tools.toolchain.timings import compiled_repeatedly, parse


def compiled(package: str, seconds: float) -> dict[str, Any]:
    return {
        "Mode": "build",
        "Package": package,
        "Cmd": ["compile"],
        "CmdUser": seconds * 0.75e9,
        "CmdSys": seconds * 0.25e9,
    }


CACHED = {"Mode": "build", "Package": "fmt", "Cmd": None}
LINKED = {"Mode": "link", "Package": "main", "Cmd": ["link"], "CmdReal": 2.5e9, "CmdUser": 2e9}


def test_cached_packages_cost_nothing() -> None:
    timing = parse("tool", [compiled("os", 1), CACHED, compiled("main", 3), LINKED])
    assert timing.packages == 3
    assert timing.compiled == {"os": pytest.approx(1), "main": pytest.approx(3)}
    assert timing.link_seconds == 2.5


def test_packages_that_two_parts_compiled_are_found() -> None:
    one = parse("one", [compiled("os", 1), compiled("shared", 2)])
    two = parse("two", [CACHED, compiled("shared", 4)])
    assert compiled_repeatedly([one, two]) == {"shared": [2, 4]}
