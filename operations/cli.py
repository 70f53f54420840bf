"""The command `consul-cluster`: day-2 operations on a running cluster."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.server import SnapshotError, server_of
from operations.snapshots.restore import restore as restore_snapshot
from operations.snapshots.save import save as save_snapshot

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Operate a running Consul cluster of a stack.")

Stack = Annotated[str, typer.Argument(help="The stack. kubectl's current context must be its Kubernetes cluster.")]


@contextmanager
def _plain_errors() -> Generator[None]:
    try:
        yield
    except SnapshotError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


@app.command()
def snapshot(stack: Stack, file: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Save all of Consul's data in FILE. FILE contains secrets in plain text and is readable by you alone."""
    with _plain_errors():
        save_snapshot(server_of(stack), file)
    print(f"Saved {stack} in {file}")


@app.command()
def restore(
    stack: Stack,
    file: Annotated[Path, typer.Argument(help="A snapshot of this stack or of another one.", exists=True)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Replace all of Consul's data by FILE. The current data is saved in a file beside FILE first."""
    if not yes:
        typer.confirm(f"Replace all data of the Consul cluster of {stack} by {file}?", abort=True)
    before = file.with_name(f"{stack.rpartition('/')[2]}-before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.snap")
    with _plain_errors():
        restore_snapshot(server_of(stack), file, before)
    print(f"Restored {file} in {stack}; the data before is in {before}")
