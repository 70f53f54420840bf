"""Compare a preview of the stack with a preview of an empty program."""

import os
import shutil
import subprocess
from pathlib import Path

from rich.console import Console

from tests.support.settings import E2E_DEVELOPMENT
from tests.support.stack import PROJECT_DIR, Stack
from tools.bench.figures import Figure, seconds
from tools.devcluster.cluster import Cluster

_EMPTY = """\
name: empty
runtime: {name: python, options: {virtualenv: %s}}
"""


def measure(folder: Path, cluster: Cluster, rounds: int, console: Console) -> list[Figure]:
    """Alternate between the previews, so that changes of the machine's speed affect all of them."""
    alone, connected = Stack(folder / "alone"), Stack(folder / "connected", kubeconfig=cluster.kubeconfig)
    for stack in (alone, connected):
        stack.configure(E2E_DEVELOPMENT)
    project = folder / "empty"
    project.mkdir()
    (project / "Pulumi.yaml").write_text(_EMPTY % (PROJECT_DIR / ".venv"))
    (project / "__main__.py").write_text("import pulumi\n")
    empty = Stack(folder / "empty-stack", project=project)

    without = Figure("preview, no cluster to be reached", "of an empty program", "≤ 3")
    within = Figure("preview, on a cluster", "of an empty program", "≤ 3")
    judged = Figure("preview with the policy pack, no cluster", "without it")
    made = Figure("make preview STACK=prod", aim="≤ 10 s")
    for number in range(rounds):
        console.print(f"preview {number + 1} of {rounds}")
        without.samples.append(seconds(alone.preview))
        within.samples.append(seconds(connected.preview))
        judged.samples.append(seconds(lambda: alone.preview("--policy-pack", str(PROJECT_DIR / "policy"))))
        judged.other.append(without.samples[-1])
        made.samples.append(seconds(make_preview))
        nothing = seconds(empty.preview)
        without.other.append(nothing)
        within.other.append(nothing)
    shutil.rmtree(folder)
    return [without, within, judged, made]


def make_preview() -> None:
    """Run what CI runs, on a machine without a Pulumi backend."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    subprocess.run(
        ["make", "preview", "STACK=prod"], cwd=PROJECT_DIR, env=environment, check=True, stdout=subprocess.DEVNULL
    )
