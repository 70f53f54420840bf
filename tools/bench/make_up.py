"""Measure `make up` in a new clone, with a warm cache and with an empty one."""

import os
import subprocess
from pathlib import Path

from rich.console import Console

from tests.support.stack import PROJECT_DIR
from tools.bench.figures import Figure, seconds


def measure(folder: Path, cold: bool, console: Console) -> list[Figure]:
    """Measure each on its own cluster and stack, the warm cache first."""
    warm_up = Figure("make up in a new checkout, cache warm", aim="≤ 60 s")
    again = Figure("make up again", aim="≤ 8 s")
    figures = [warm_up, again]
    _measure(folder / "warm", {}, warm_up, again, console)
    if cold:
        cold_up = Figure("make up with nothing cached", aim="≤ 1080 s")
        figures.append(cold_up)
        cache = {"CONSUL_CLUSTER_CACHE": str(folder / "cache"), "PIP_NO_CACHE_DIR": "1"}
        _measure(folder / "cold", cache, cold_up, Figure(""), console)
    return figures


def _measure(folder: Path, extra: dict[str, str], first: Figure, second: Figure, console: Console) -> None:
    console.print(first.what)
    folder.mkdir(parents=True)
    checkout, backend = folder / "checkout", folder / "backend"
    backend.mkdir()
    subprocess.run(["git", "clone", "--quiet", PROJECT_DIR, checkout], check=True)
    environment = {
        **os.environ,
        "DEVCLUSTER_NAME": "bench-up",
        "DEVCLUSTER_STATE": str(folder / "devcluster"),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        **extra,
    }

    def make(target: str) -> None:
        subprocess.run(["make", target], cwd=checkout, env=environment, check=True)

    try:
        first.samples.append(seconds(lambda: make("up")))
        second.samples.append(seconds(lambda: make("up")))
    finally:
        make("down")
