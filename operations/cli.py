"""The command `consul-cluster`: day-2 operations on a running cluster."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.commands import errors_presented
from operations.server import server_of
from operations.snapshots.restore import restore as restore_snapshot
from operations.snapshots.save import save as save_snapshot

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Operate a running Consul cluster of a stack.")

Stack = Annotated[str, typer.Argument(help="The stack. kubectl's current context must be its Kubernetes cluster.")]
Component = Annotated[
    str | None, typer.Option(help="The name of the ConsulCluster, where the stack has more than one.", metavar="NAME")
]


@app.command()
def snapshot(
    stack: Stack, file: Annotated[Path, typer.Argument(help="A new file.")], component: Component = None
) -> None:
    """Save all of Consul's data in FILE. FILE contains secrets in plain text and is readable by you alone."""
    with errors_presented():
        save_snapshot(server_of(stack, component), file)
    print(f"Saved {stack} in {file}")


@app.command()
def restore(
    stack: Stack,
    file: Annotated[Path, typer.Argument(help="A snapshot of this stack or of another one.", exists=True)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    component: Component = None,
) -> None:
    """Replace all of Consul's data by FILE. The current data is saved in a file beside FILE first."""
    if not yes:
        typer.confirm(f"Replace all data of the Consul cluster of {stack} by {file}?", abort=True)
    before = file.with_name(f"{stack.rpartition('/')[2]}-before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.snap")
    with errors_presented():
        restore_snapshot(server_of(stack, component), file, before)
    print(f"Restored {file} in {stack}; the data before is in {before}")
