"""The devcluster command."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tools.devcluster import faults
from tools.devcluster.cluster import Cluster
from tools.devcluster.programs import binary
from tools.devcluster.state import default_state
from tools.errors import Commands

app = typer.Typer(
    cls=Commands,
    help="A Kubernetes cluster of several nodes on this machine, in namespaces of its own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def choose(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="The cluster's name.", envvar="DEVCLUSTER_NAME")] = "dev",
    state: Annotated[
        Path | None, typer.Option(help="The folder that holds the clusters' folders.", envvar="DEVCLUSTER_STATE")
    ] = None,
) -> None:
    """Choose the cluster that the command is about."""
    context.obj = Cluster(name, state or default_state())


@app.command()
def up(
    context: typer.Context,
    nodes: Annotated[int | None, typer.Option(help="Number of workers; 3 for a new cluster.")] = None,
) -> None:
    """Make the cluster, or what is missing of it."""
    context.obj.up(nodes)


@app.command()
def down(context: typer.Context) -> None:
    """End the cluster and delete all it has on disk."""
    context.obj.down()


@app.command()
def env(context: typer.Context) -> None:
    """Print the lines that make a shell use the cluster, up or not, with a kubectl of its version."""
    cluster: Cluster = context.obj
    typer.echo(f"export KUBECONFIG={shlex.quote(str(cluster.files.kubeconfig))}")
    typer.echo(f'export PATH={shlex.quote(str(binary("kubectl").parent))}:"$PATH"')


@app.command(
    context_settings={
        "allow_extra_args": True,
        "allow_interspersed_args": False,  # else a `--` would not reach kubectl
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
)
def kubectl(context: typer.Context) -> None:
    """Run kubectl on the cluster."""
    context.obj.kubectl.become(context.args)


@app.command("load-image")
def load_image(context: typer.Context, archive: Path) -> None:
    """Import an image archive into all nodes."""
    context.obj.load_image(archive)


@app.command()
def status(context: typer.Context) -> None:
    """Show the machines, what runs on them, and what is missing; the exit status is 1 if something is."""
    cluster: Cluster = context.obj
    table = Table("machine", "part", "process", title=f"cluster {cluster.name}")
    for machine, parts in cluster.fleet.everything():
        for part in parts:
            table.add_row(machine.name, part.name, str(machine.process(part) or "[red]down[/red]"))
        table.add_section()
    Console().print(table)
    missing = cluster.missing()
    typer.echo(missing or "everything is ready")
    if missing:
        raise typer.Exit(1)


faults_app = typer.Typer(help="Inject faults, and heal them.", no_args_is_help=True)
app.add_typer(faults_app, name="fault")

ContainerName = Annotated[str | None, typer.Option(help="The pod's first container if not given.")]


@faults_app.command()
def kill(context: typer.Context, namespace: str, pod: str, container: ContainerName = None) -> None:
    """SIGKILL a pod's container."""
    faults.kill(context.obj, namespace, pod, container)


@faults_app.command()
def freeze(context: typer.Context, namespace: str, pod: str, container: ContainerName = None) -> None:
    """SIGSTOP a pod's container."""
    faults.freeze(context.obj, namespace, pod, container)


@faults_app.command()
def thaw(context: typer.Context, namespace: str, pod: str, container: ContainerName = None) -> None:
    """Undo freeze."""
    faults.thaw(context.obj, namespace, pod, container)


@faults_app.command("kill-part")
def kill_part(context: typer.Context, machine: str, part: str) -> None:
    """SIGKILL a part of a machine, such as `node-1 kubelet`."""
    faults.kill_part(context.obj, machine, part)


@faults_app.command("power-off")
def power_off(context: typer.Context, node: str) -> None:
    """Take a node down as a cut power line would."""
    faults.power_off(context.obj, node)


@faults_app.command()
def cut(context: typer.Context, node: str) -> None:
    """Cut a node off the network."""
    faults.cut(context.obj, node)


@faults_app.command()
def lose(context: typer.Context, node: str, share: float) -> None:
    """Drop a share (0 to 1) of the packets that reach a node."""
    faults.lose_packets(context.obj, node, share)


@faults_app.command()
def heal(context: typer.Context, node: str) -> None:
    """Undo cut and lose."""
    faults.heal(context.obj, node)
