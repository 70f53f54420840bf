"""Print the table of docs/benchmarks.md: `make bench`, or `python -m tools.bench --rounds 2 --cold`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from tools import toolchain
from tools.bench import bring_up, make_up, previews, scores
from tools.bench.figures import Figure
from tools.devcluster.cluster import Cluster


def main(
    rounds: Annotated[int, typer.Option(help="How often to measure each figure.")] = 5,
    cold: Annotated[bool, typer.Option(help="Also build everything once with an empty cache.")] = False,
) -> None:
    """Measure everything in one run, because ratios depend less on the machine's speed than figures do."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        checked = scores.measure(Path(folder) / "scores", console)
        making = make_up.measure(Path(folder) / "make", cold, console)
        cluster = Cluster(name="bench", state=Path(folder) / "devcluster")
        try:
            cluster.up()
            cluster.load_image(toolchain.consul_image())
            figures = [
                *making,
                *previews.measure(Path(folder) / "previews", cluster, rounds, console),
                *bring_up.measure(Path(folder) / "up", cluster, rounds, console),
                *checked,
            ]
        finally:
            cluster.down()
    Console(width=200).print(table(figures))


def table(figures: list[Figure]) -> Table:
    """Return a table with a row for each figure: its median, the median of the comparison, their ratio and the goal."""
    result = Table("what", "median", "against", "median", "ratio", "aim", box=MARKDOWN)
    for figure in figures:
        result.add_row(*figure.row())
    return result


typer.run(main)
