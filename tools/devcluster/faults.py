"""Faults for tests: what happens to real clusters, done to this one on purpose.

Kubernetes heals what happens to containers, but for frozen ones; `devcluster up` heals what happens to machines.
"""

import signal

from tools.devcluster import network
from tools.devcluster.cgroups import Cgroup, send
from tools.devcluster.cluster import Cluster
from tools.devcluster.errors import DevclusterError
from tools.devcluster.machine import Machine
from tools.devcluster.plan import Node


def kill(cluster: Cluster, namespace: str, pod: str, container: str | None = None) -> None:
    """SIGKILL the processes of a pod's container (its first, if none is named)."""
    _signal(_container_processes(cluster, namespace, pod, container), signal.SIGKILL)


def freeze(cluster: Cluster, namespace: str, pod: str, container: str | None = None) -> None:
    """SIGSTOP the processes of a pod's container: it keeps its connections, but answers nothing."""
    _signal(_container_processes(cluster, namespace, pod, container), signal.SIGSTOP)


def thaw(cluster: Cluster, namespace: str, pod: str, container: str | None = None) -> None:
    """Undo `freeze`."""
    _signal(_container_processes(cluster, namespace, pod, container), signal.SIGCONT)


def kill_part(cluster: Cluster, machine: str, part: str) -> None:
    """SIGKILL a part of a machine, such as `kubelet` of `node-1`, and leave its containers alone."""
    for candidate, parts in cluster.fleet.everything():
        for known in parts:
            if (candidate.name, known.name) == (machine, part):
                if (process := candidate.process(known)) is not None:
                    send(process, signal.SIGKILL)
                return
    raise DevclusterError(f"no machine {machine!r} has a part {part!r}: `devcluster status` lists what there is")


def power_off(cluster: Cluster, node: str) -> None:
    """Take a node down with everything on it, as a cut power line would; its disk stays."""
    _machine(cluster, node).stop()


def cut(cluster: Cluster, node: str) -> None:
    """Cut a node off the network."""
    network.unplug(cluster.fleet.control_plane, _node(cluster, node))


def heal(cluster: Cluster, node: str) -> None:
    """Undo `cut` and `lose_packets`."""
    network.plug_in(cluster.fleet.control_plane, _node(cluster, node))
    network.lose_packets(_machine(cluster, node), 0)


def lose_packets(cluster: Cluster, node: str, share: float) -> None:
    """Drop that share, from 0 to 1, of the packets that reach a node, at random; 0 drops none."""
    if not 0 <= share <= 1:
        raise DevclusterError(f"a share of {share:g} of the packets cannot be lost: choose a number from 0 to 1")
    network.lose_packets(_machine(cluster, node), share)


def _node(cluster: Cluster, name: str) -> Node:
    nodes = {node.name: node for node in cluster.fleet.nodes}
    if name not in nodes:
        raise DevclusterError(f"there is no node {name!r}; there are: {', '.join(nodes)}")
    return nodes[name]


def _machine(cluster: Cluster, name: str) -> Machine:
    return cluster.fleet.worker(_node(cluster, name))


def _container_processes(cluster: Cluster, namespace: str, pod: str, container: str | None) -> list[int]:
    described = cluster.kubectl.get("pod", pod, f"--namespace={namespace}")
    statuses = {status["name"]: status for status in described["status"].get("containerStatuses", ())}
    name = container or described["spec"]["containers"][0]["name"]
    if name not in statuses:
        raise DevclusterError(
            f"pod {namespace}/{pod} has no container {name!r}; it has: {', '.join(statuses) or 'none yet'}"
        )
    container_id = statuses[name].get("containerID", "").removeprefix("containerd://")
    group = _pods(cluster, described["spec"]["nodeName"]).find(container_id) if container_id else None
    if group is None or not (processes := group.processes()):
        raise DevclusterError(f"container {name!r} of pod {namespace}/{pod} is not running: wait until it is")
    return processes


def _pods(cluster: Cluster, node: str) -> Cgroup:
    return _machine(cluster, node).cgroup / "pods"


def _signal(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        send(process, number)
