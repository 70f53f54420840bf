"""The command: `python -m snapshots save STACK FILE`, `python -m snapshots restore STACK FILE`."""

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

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Stack = Annotated[str, typer.Argument(help="The stack; kubectl's current cluster has to be its own.")]


@contextmanager
def _plain_errors() -> Generator[None]:
    try:
        yield
    except SnapshotError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


@app.command()
def save(stack: Stack, file: Annotated[Path, typer.Argument(help="A file that is not there yet.")]) -> None:
    """Save all that the stack's Consul knows. FILE has its secrets in plain text, readable for you alone."""
    with _plain_errors():
        save_snapshot(server_of(stack), file)
    print(f"Saved {stack} in {file}")


@app.command()
def restore(
    stack: Stack,
    file: Annotated[Path, typer.Argument(help="What `save` wrote, of this stack or of another one.", exists=True)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace all that the stack's Consul knows by what FILE has; what it knew before is saved beside FILE first."""
    if not yes:
        typer.confirm(f"Replace all that the Consul of {stack} knows by {file}?", abort=True)
    before = file.with_name(f"{stack.rpartition('/')[2]}-before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.snap")
    with _plain_errors():
        restore_snapshot(server_of(stack), file, before)
    print(f"Restored {file} in {stack}; what it knew before is in {before}")


app()
