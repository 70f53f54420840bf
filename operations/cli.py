"""The command `consul-cluster`: day-2 operations on a running cluster."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from operations.commands import errors_presented
from operations.rotation.ca import rotate_ca
from operations.rotation.gossip import rotate_gossip
from operations.rotation.steps import Target
from operations.rotation.tokens import rotate_tokens
from operations.server import Server, server_of
from operations.snapshots.restore import restore as restore_snapshot
from operations.snapshots.save import save as save_snapshot

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Operate the running Consul cluster of a Pulumi stack, in the current context of kubectl.",
    # A traceback with local variables could print tokens.
    pretty_exceptions_enable=False,
)

rotate = typer.Typer(no_args_is_help=True, help="Change keys while the cluster runs.")
app.add_typer(rotate, name="rotate")

Stack = Annotated[
    str,
    typer.Argument(
        help="The stack. The current context of kubectl must be its Kubernetes cluster.",
        metavar="STACK",
        show_default=False,
    ),
]
Component = Annotated[
    str | None,
    typer.Option(help="The name of the ConsulCluster, if the stack has several.", metavar="NAME", show_default=False),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        help="The namespace of the ConsulCluster, if the stack has several of the same name.",
        metavar="NAMESPACE",
        show_default=False,
    ),
]


@app.command()
def snapshot(
    stack: Stack,
    file: Annotated[Path, typer.Argument(help="The file to create.", metavar="FILE", show_default=False)],
    component: Component = None,
    namespace: Namespace = None,
) -> None:
    """Save all data of the Consul cluster in FILE.

    FILE contains all secrets of Consul in plain text, such as ACL tokens. Only its owner can read it.
    """
    with errors_presented():
        save_snapshot(server_of(stack, component, namespace), file)
    print(f"Saved the data of stack {stack} in {file}")


@app.command()
def restore(
    stack: Stack,
    file: Annotated[
        Path,
        typer.Argument(
            help="A snapshot of this stack or of another stack.",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    component: Component = None,
    namespace: Namespace = None,
) -> None:
    """Replace all data of the Consul cluster with FILE.

    The command first saves the current data in the directory of FILE, as STACK-before-TIME.snap.
    """
    if not yes:
        typer.confirm(f"Replace all data of the Consul cluster of stack {stack} with {file}?", abort=True)
    backup = file.with_name(f"{stack.rpartition('/')[2]}-before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.snap")
    with errors_presented():
        restore_snapshot(server_of(stack, component, namespace), file, backup)
    print(f"Restored {file} in stack {stack}. The previous data is in {backup}")


Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before each update.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(help="The stack's settings file, if it is not beside the program.", metavar="FILE", exists=True),
]


@rotate.command()
def gossip(
    stack: Stack,
    yes: Yes = False,
    config_file: ConfigFile = None,
    component: Component = None,
    namespace: Namespace = None,
) -> None:
    """Replace the gossip key, in three updates of the stack, each with a preview.

    Run it in the directory of the stack's program. It restarts no pod. If it is interrupted, run it again: it continues
    with the unfinished step. Commit the settings file afterwards.
    """
    _rotate(rotate_gossip, Target(stack, _options(config_file), yes, component, namespace))


@rotate.command()
def ca(
    stack: Stack,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before each update, nor wait until callers trust the new CA.")
    ] = False,
    config_file: ConfigFile = None,
    component: Component = None,
    namespace: Namespace = None,
) -> None:
    """Replace the key of the CA, in four updates of the stack, each with a preview.

    Run it in the directory of the stack's program. It restarts no server; the last update restarts the clients, one at
    a time. Other projects must get the output caCertificate after the first update, so do not use --yes if there are
    any. If it is interrupted, run it again: it continues with the unfinished step. Commit the settings file afterwards.
    """
    _rotate(rotate_ca, Target(stack, _options(config_file), yes, component, namespace))


class TokenSetting(StrEnum):
    """TOKEN_SETTINGS as values of an option."""

    MANAGEMENT = "managementKeys"
    AGENTS = "agentKeys"
    METRICS = "metricsKeys"
    SERVICES = "serviceKeys"


@rotate.command()
def tokens(
    stack: Stack,
    only: Annotated[
        list[TokenSetting] | None,
        typer.Option(help="Replace only the tokens of this setting. Can be repeated.", show_default=False),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before each update, nor wait until other projects are updated.")
    ] = False,
    config_file: ConfigFile = None,
    component: Component = None,
    namespace: Namespace = None,
) -> None:
    """Replace the ACL tokens, in two updates of the stack, each with a preview.

    Run it in the directory of the stack's program. A new management token restarts the servers, one at a time; other
    tokens restart nothing. Other projects must get the outputs managementToken, metricsToken and serviceTokens after
    the first update, so do not use --yes if there are any. If it is interrupted, run it again: it continues with the
    unfinished step. Commit the settings file afterwards.
    """
    settings = [setting.value for setting in only or TokenSetting]
    rotation = partial(rotate_tokens, settings=settings)
    _rotate(rotation, Target(stack, _options(config_file), yes, component, namespace))


def _options(config_file: Path | None) -> list[str]:
    return ["--config-file", str(config_file)] if config_file else []


def _rotate(rotation: Callable[[Target, Server], str], target: Target) -> None:
    with errors_presented():
        print(rotation(target, server_of(target.stack, target.component, target.namespace)))
