"""Faults for tests, as they happen to real clusters.

Kubernetes recovers killed containers, but not frozen ones. `devcluster up` recovers machines.
"""

import signal

from tools.devcluster import network
from tools.devcluster.cgroups import Cgroup, send
from tools.devcluster.cluster import Cluster
from tools.devcluster.errors import DevclusterError
from tools.devcluster.machine import Machine
from tools.devcluster.node import LOCAL_DISK
from tools.devcluster.plan import Node
from tools.devcluster.waiting import wait_for


def kill(cluster: Cluster, namespace: str, pod: str, container: str | None = None) -> None:
    """Send SIGKILL to the processes of a pod's container, by default its first."""
    _signal(_container_processes(cluster, namespace, pod, container), signal.SIGKILL)


def freeze(cluster: Cluster, namespace: str, pod: str, container: str | None = None) -> None:
    """Send SIGSTOP to the processes of a pod's container. It keeps its connections, but does not answer."""
    _signal(_container_processes(cluster, namespace, pod, container), signal.SIGSTOP)


def thaw(cluster: Cluster, namespace: str, pod: str, container: str | None = None) -> None:
    """Send SIGCONT to the processes of a pod's container, to undo `freeze`."""
    _signal(_container_processes(cluster, namespace, pod, container), signal.SIGCONT)


def exhaust_memory(cluster: Cluster, namespace: str, pod: str, container: str | None = None) -> None:
    """Take all memory away that a container does not use at this moment, until the kernel kills it."""
    group, processes = _container(cluster, namespace, pod, container)

    def alive() -> str | None:
        if not (left := set(processes) & set(group.processes())):
            return None
        group.squeeze_memory()
        return f"processes {left}"

    wait_for(f"the end of pod {namespace}/{pod} without memory", alive, limit=60)


def kill_part(cluster: Cluster, machine: str, part: str) -> None:
    """Send SIGKILL to a part of a machine, such as `kubelet` of `node-1`. Its containers keep running."""
    for candidate, parts in cluster.fleet.everything():
        for known in parts:
            if (candidate.name, known.name) == (machine, part):
                if (process := candidate.process(known)) is not None:
                    send(process, signal.SIGKILL)
                return
    raise DevclusterError(f"No machine {machine!r} has a part {part!r}: `devcluster status` lists them")


def power_off(cluster: Cluster, node: str) -> None:
    """Stop all processes of a node at once, like a power failure. Its disk stays."""
    _machine(cluster, node).stop()


def cut(cluster: Cluster, node: str) -> None:
    """Disconnect a node from the network."""
    network.disable_link(cluster.fleet.control_plane, _node(cluster, node))


def heal(cluster: Cluster, node: str) -> None:
    """Undo `cut` and `lose_packets`."""
    network.enable_link(cluster.fleet.control_plane, _node(cluster, node))
    network.lose_packets(_machine(cluster, node), 0)


def lose_packets(cluster: Cluster, node: str, share: float) -> None:
    """Drop a random share, from 0 to 1, of the packets to a node."""
    if not 0 <= share <= 1:
        raise DevclusterError(f"The share of dropped packets cannot be {share:g}; allowed: 0 to 1")
    network.lose_packets(_machine(cluster, node), share)


def shrink_disk(cluster: Cluster, node: str, spare_mib: int) -> None:
    """Replace a node's local disk by a small one (ext4) with the same files and about `spare_mib` of free space.

    Undo with `restore_disk`. No pod may use the disk at either time: a pod keeps the disk with which it started.
    """
    script = """
        mkdir -p /run/small
        truncate -s $(($(du --apparent-size -sm "$1" | cut -f1) + $2))M /run/small.img
        mkfs.ext4 -q -m 0 -O ^has_journal /run/small.img
        mount -o loop /run/small.img /run/small
        cp -a --sparse=never "$1/." /run/small
        mount --bind /run/small "$1"
    """
    _run_on_disk(cluster, node, script, str(spare_mib))


def restore_disk(cluster: Cluster, node: str) -> None:
    """Undo `shrink_disk` and `fill_disk`. Keep all files but the filler."""
    script = """
        umount "$1"
        rm -rf /run/small/filler /run/small/lost+found
        find "$1" -mindepth 1 -delete
        cp -a /run/small/. "$1"
        umount /run/small
        rm /run/small.img
    """
    _run_on_disk(cluster, node, script)


def fill_disk(cluster: Cluster, node: str, free_mib: int) -> None:
    """Leave `free_mib` of the disk that `shrink_disk` has made. Undo with `empty_disk`."""
    script = 'fallocate -l $(($(df --output=avail -m "$1" | tail -n 1) - $2))M "$1/filler"'
    _run_on_disk(cluster, node, script, str(free_mib))


def empty_disk(cluster: Cluster, node: str) -> None:
    """Undo `fill_disk`."""
    _run_on_disk(cluster, node, 'rm "$1/filler"')


def _run_on_disk(cluster: Cluster, node: str, script: str, *arguments: str) -> None:
    _machine(cluster, node).run(["sh", "-euc", script, "sh", str(LOCAL_DISK), *arguments])


def _node(cluster: Cluster, name: str) -> Node:
    nodes = {node.name: node for node in cluster.fleet.nodes}
    if name not in nodes:
        raise DevclusterError(f"There is no node {name!r}; nodes: {', '.join(nodes)}")
    return nodes[name]


def _machine(cluster: Cluster, name: str) -> Machine:
    return cluster.fleet.worker(_node(cluster, name))


def _container_processes(cluster: Cluster, namespace: str, pod: str, container: str | None) -> list[int]:
    return _container(cluster, namespace, pod, container)[1]


def _container(cluster: Cluster, namespace: str, pod: str, container: str | None) -> tuple[Cgroup, list[int]]:
    described = cluster.kubectl.get("pod", pod, f"--namespace={namespace}")
    statuses = {status["name"]: status for status in described["status"].get("containerStatuses", ())}
    name = container or described["spec"]["containers"][0]["name"]
    if name not in statuses:
        raise DevclusterError(
            f"Pod {namespace}/{pod} has no container {name!r}; containers: {', '.join(statuses) or 'none yet'}"
        )
    container_id = statuses[name].get("containerID", "").removeprefix("containerd://")
    group = _pods(cluster, described["spec"]["nodeName"]).find(container_id) if container_id else None
    if group is None or not (processes := group.processes()):
        raise DevclusterError(f"Container {name!r} of pod {namespace}/{pod} is not running: wait until it runs")
    return group, processes


def _pods(cluster: Cluster, node: str) -> Cgroup:
    return _machine(cluster, node).cgroup / "pods"


def _signal(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        send(process, number)
