"""A preview of the stack against one of a program that declares nothing."""

import shutil
from pathlib import Path

from rich.console import Console

from bench.figures import Figure, seconds
from devcluster.cluster import Cluster
from tests.e2e.conftest import SETTINGS
from tests.stack import PROJECT_DIR, Stack

_EMPTY = """\
name: empty
runtime: {name: python, options: {virtualenv: %s}}
"""


def measure(folder: Path, cluster: Cluster, rounds: int, console: Console) -> list[Figure]:
    """Previews by turns, so that both see the same machine."""
    stack = Stack(folder / "stack", kubeconfig=cluster.kubeconfig)
    stack.configure(SETTINGS)
    project = folder / "empty"
    project.mkdir()
    (project / "Pulumi.yaml").write_text(_EMPTY % (PROJECT_DIR / ".venv"))
    (project / "__main__.py").write_text("import pulumi\n")
    empty = Stack(folder / "empty-stack", project=project)

    figure = Figure("preview of a new stack", "of an empty program", "≤ 3")
    for number in range(rounds):
        console.print(f"preview {number + 1} of {rounds}")
        figure.other.append(seconds(empty.preview))
        figure.samples.append(seconds(stack.preview))
    shutil.rmtree(folder)
    return [figure]
