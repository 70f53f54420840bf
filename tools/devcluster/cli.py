"""The devcluster command."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tools.command_group import Commands
from tools.devcluster import faults
from tools.devcluster.cluster import Cluster
from tools.devcluster.programs import binary
from tools.devcluster.state import default_state
from tools.toolchain import users_kubectl

app = typer.Typer(
    cls=Commands,
    help="Run a Kubernetes cluster of several nodes on this machine, in its own namespaces.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def choose(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="The cluster's name.", envvar="DEVCLUSTER_NAME")] = "dev",
    state: Annotated[
        Path | None, typer.Option(help="The folder with the clusters' folders.", envvar="DEVCLUSTER_STATE")
    ] = None,
) -> None:
    """Select the cluster for the command."""
    context.obj = Cluster(name, state or default_state())


@app.command()
def up(
    context: typer.Context,
    nodes: Annotated[int | None, typer.Option(help="Number of workers; a new cluster has 3 by default.")] = None,
    image: Annotated[
        list[Path] | None, typer.Option(help="An image archive to import into all nodes; can be repeated.")
    ] = None,
) -> None:
    """Create the cluster, or start what is missing of it."""
    context.obj.up(nodes, image or [])


@app.command()
def down(context: typer.Context) -> None:
    """Stop the cluster and delete its files."""
    context.obj.down()


@app.command()
def env(context: typer.Context) -> None:
    """Print `export` lines for a shell: KUBECONFIG, kubectl on the PATH, and if there is a cluster, its HTTPS port."""
    cluster: Cluster = context.obj
    typer.echo(f"export KUBECONFIG={shlex.quote(str(cluster.files.kubeconfig))}")
    if record := cluster.files.read():
        typer.echo(f"export DEVCLUSTER_HTTPS_PORT={record.https_port}")
    if not users_kubectl():  # the folder of which may have another python or pulumi
        typer.echo(f'export PATH={shlex.quote(str(binary("kubectl").parent))}:"$PATH"')


@app.command(
    context_settings={
        "allow_extra_args": True,
        "allow_interspersed_args": False,  # otherwise `--` would not reach kubectl
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
)
def kubectl(context: typer.Context) -> None:
    """Run kubectl with the cluster's kubeconfig."""
    context.obj.kubectl.become(context.args)


@app.command("load-image")
def load_image(context: typer.Context, archive: Path) -> None:
    """Import an image archive into all nodes."""
    context.obj.load_image(archive)


@app.command("feature-gates")
def feature_gates(context: typer.Context, gates: Annotated[str, typer.Argument()] = "") -> None:
    """Restart the control plane with these feature gates, such as NAME=true,OTHER=false; by default, with none."""
    context.obj.set_feature_gates(gates)


@app.command()
def status(context: typer.Context) -> None:
    """Show the machines, their processes, and what is missing. Exit with 1 if something is missing."""
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


faults_app = typer.Typer(help="Inject faults, and undo them.", no_args_is_help=True)
app.add_typer(faults_app, name="fault")

ContainerName = Annotated[str | None, typer.Option(help="By default the pod's first container.")]


@faults_app.command()
def kill(context: typer.Context, namespace: str, pod: str, container: ContainerName = None) -> None:
    """Send SIGKILL to a pod's container."""
    faults.kill(context.obj, namespace, pod, container)


@faults_app.command()
def freeze(context: typer.Context, namespace: str, pod: str, container: ContainerName = None) -> None:
    """Send SIGSTOP to a pod's container."""
    faults.freeze(context.obj, namespace, pod, container)


@faults_app.command()
def thaw(context: typer.Context, namespace: str, pod: str, container: ContainerName = None) -> None:
    """Send SIGCONT to a frozen container."""
    faults.thaw(context.obj, namespace, pod, container)


@faults_app.command("kill-part")
def kill_part(context: typer.Context, machine: str, part: str) -> None:
    """Send SIGKILL to a part of a machine, such as `node-1 kubelet`."""
    faults.kill_part(context.obj, machine, part)


@faults_app.command("power-off")
def power_off(context: typer.Context, node: str) -> None:
    """Stop all processes of a node at once, like a power failure."""
    faults.power_off(context.obj, node)


@faults_app.command()
def cut(context: typer.Context, node: str) -> None:
    """Disconnect a node from the network."""
    faults.cut(context.obj, node)


@faults_app.command()
def lose(context: typer.Context, node: str, share: float) -> None:
    """Drop a random share (0 to 1) of the packets to a node."""
    faults.lose_packets(context.obj, node, share)


@faults_app.command()
def heal(context: typer.Context, node: str) -> None:
    """Undo `cut` and `lose`."""
    faults.heal(context.obj, node)


if __name__ == "__main__":
    app()
