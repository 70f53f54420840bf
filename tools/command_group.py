"""One way to present errors, for all tools with commands: one message, no traceback, exit status 1."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from tools.errors import ToolError


@contextmanager
def errors_presented() -> Generator[None]:
    """Print a ToolError as a message on standard error, and exit with 1."""
    try:
        yield
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


class Commands(TyperGroup):
    """A group of commands that presents its ToolErrors: `typer.Typer(cls=Commands)`."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        with errors_presented():
            return super().invoke(ctx)
