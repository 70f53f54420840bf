"""Read how long a build took from the action graphs that `go build` writes, one for each part, beside its log."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tools.toolchain import cache

_NANOSECONDS = 1e9


@dataclass(frozen=True)
class Timing:
    """What the last build of a part cost, without the packages that Go's cache had already."""

    part: str
    packages: int
    """Packages that the program consists of."""
    compiled: dict[str, float]
    """CPU seconds of each package that was compiled."""
    link_seconds: float
    """Wall-clock seconds of the linker."""


def read(part: str) -> Timing | None:
    """Return the timing of the part's last build, or None if there was none."""
    file = cache.action_graph(part)
    return parse(part, json.loads(file.read_text())) if file.exists() else None


def parse(part: str, actions: list[dict[str, Any]]) -> Timing:
    """Return the timing from the actions of `go build -debug-actiongraph`."""
    builds = [action for action in actions if action["Mode"] == "build"]
    ran = [action for action in builds if action.get("Cmd")]
    links = [action for action in actions if action["Mode"] == "link"]
    return Timing(
        part,
        packages=len(builds),
        compiled={action["Package"]: _seconds(action, "CmdUser", "CmdSys") for action in ran},
        link_seconds=sum(_seconds(action, "CmdReal") for action in links),
    )


def compiled_repeatedly(timings: Iterable[Timing]) -> dict[str, list[float]]:
    """Return the packages that more than one part compiled, with the CPU seconds of each time."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for timing in timings:
        for package, seconds in timing.compiled.items():
            times[package].append(seconds)
    return {package: each for package, each in times.items() if len(each) > 1}


def _seconds(action: dict[str, Any], *fields: str) -> float:
    return sum(action.get(field, 0) for field in fields) / _NANOSECONDS
