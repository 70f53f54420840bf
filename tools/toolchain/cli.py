"""The `toolchain` command."""

from __future__ import annotations

import shlex
from itertools import zip_longest
from typing import Annotated

import typer

from tools import toolchain
from tools.command_group import Commands
from tools.toolchain import cache, parts, timings

app = typer.Typer(
    cls=Commands,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
    help="Build the real Pulumi, Kubernetes and Consul once, into a cache that all checkouts share.",
)


def _wanted(names: list[str]) -> list[parts.Part]:
    """Return the parts that `names` stand for; those of the engine only if the user has no Pulumi."""
    engine = () if toolchain.users_pulumi() else parts.ENGINE
    kinds: dict[str, tuple[parts.Part, ...]] = {
        "cluster": parts.CLUSTER,
        "engine": engine,
        "checkers": parts.CHECKERS,
        "languages": parts.LANGUAGES,
    }
    if names:
        return [part for name in names for part in (kinds[name] if name in kinds else (parts.named(name),))]
    # Alternate between the two kinds, because `make up` needs both. Parts for tests are built only if named.
    return [part for pair in zip_longest(parts.CLUSTER, engine) for part in pair if part]


@app.command()
def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PART]...",
            help="Parts as `status` lists them, or all of a kind: `cluster` and `engine`, which are built "
            "if none is given, and for tests `checkers` and `languages`.",
        ),
    ] = None,
) -> None:
    """Build the missing parts, with everything that they need."""
    from rich.console import Console

    from tools.toolchain.build import build as make

    made = make(_wanted(names or []), Console())
    print(f"toolchain: {made} part(s) built" if made else "toolchain: all parts are built", f"in {cache.root()}")


@app.command()
def status() -> None:
    """List the parts and the folders of their results."""
    own = toolchain.users_pulumi()
    for part in parts.CLUSTER + (() if own else parts.ENGINE) + parts.CHECKERS + parts.LANGUAGES:
        print(f"{part.name:20} {part.folder if part.built else 'not built'}")
    if own:
        print(f"{'pulumi':20} {own} (yours)")


@app.command()
def times() -> None:
    """Show how long the last build of each part took, and what was compiled more than once."""
    from rich.console import Console
    from rich.table import Table

    found = [timing for part in parts.ALL if (timing := timings.read(part.name))]
    table = Table("part", "packages", "compiled", "CPU", "link", box=None)
    for timing in found:
        seconds = sum(timing.compiled.values())
        table.add_row(
            timing.part,
            str(timing.packages),
            str(len(timing.compiled)),
            f"{seconds:.0f} s",
            f"{timing.link_seconds:.0f} s",
        )
    console = Console()
    console.print(table)
    repeated = timings.compiled_repeatedly(found)
    extra = sum(sum(each) - max(each) for each in repeated.values())
    console.print(f"{len(repeated)} packages were compiled more than once; the repeats took {extra:.0f} s of CPU.")


@app.command()
def path(program: Annotated[str, typer.Argument(help="Such as kubectl.")]) -> None:
    """Print the path of a program."""
    print(toolchain.binary(program))


@app.command()
def consul_image() -> None:
    """Print the path of the archive of Consul's container image."""
    print(toolchain.consul_image())


@app.command()
def env() -> None:
    """Print `export` lines for a shell: eval "$(toolchain env)"."""
    for name, value in toolchain.pulumi_environment().items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    app()
