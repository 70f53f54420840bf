"""The `toolchain` command."""

from __future__ import annotations

import shlex
from collections.abc import Callable
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
    """Return the parts that `names` stand for, without those that the user has."""
    # Functions, because cluster_parts needs Go, and whoever has Pulumi and a cluster does not.
    kinds: dict[str, Callable[[], tuple[parts.Part, ...]]] = {
        "cluster": toolchain.cluster_parts,
        "engine": toolchain.engine_parts,
        "checkers": lambda: parts.CHECKERS,
        "languages": lambda: parts.LANGUAGES,
    }
    names = names or ["cluster", "engine"]  # parts for tests are built only if named
    return [part for name in names for part in (kinds[name]() if name in kinds else (parts.named(name),))]


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
    install: Annotated[
        str, typer.Option(metavar="COMMAND", help="Run this during the build, to install Python packages.")
    ] = "",
    start: Annotated[
        str,
        typer.Option(
            metavar="COMMAND",
            help="Run this when all parts of `cluster` are built, to start the local Kubernetes.",
        ),
    ] = "",
) -> None:
    """Build the missing parts, with everything that they need."""
    from rich.console import Console

    from tools.toolchain.build import Step
    from tools.toolchain.build import build as make

    steps = [
        Step("python-packages", install, cpu_seconds=10),
        Step("local-kubernetes", start, needs=tuple(part.name for part in parts.CLUSTER)),
    ]
    made = make(_wanted(names or []), Console(), [step for step in steps if step.command])
    print(f"toolchain: {made} part(s) built" if made else "toolchain: all parts are built", f"in {cache.root()}")


@app.command()
def status() -> None:
    """List the parts and the folders of their results."""
    for part in toolchain.cluster_parts() + toolchain.engine_parts() + parts.CHECKERS + parts.LANGUAGES:
        print(f"{part.name:23} {part.folder if part.built else 'not built'}")
    for name, own in {"pulumi": toolchain.users_pulumi(), "kubectl": toolchain.users_kubectl()}.items():
        if own:
            print(f"{name:23} {own} (yours)")


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
