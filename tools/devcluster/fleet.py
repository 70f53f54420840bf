"""All machines of a cluster, and the parts that run on each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tools.devcluster import control_plane, gateway, node
from tools.devcluster.cgroups import ROOT, Cgroup
from tools.devcluster.machine import Machine, Part
from tools.devcluster.plan import Node, plan_nodes
from tools.devcluster.programs import binary, environment
from tools.devcluster.state import Record, State


@dataclass(frozen=True)
class Fleet:
    """The machines of the cluster that `state` holds and `record` describes."""

    state: State
    record: Record

    @cached_property
    def nodes(self) -> list[Node]:
        """Return the workers."""
        return plan_nodes(self.record.nodes)

    @cached_property
    def forwards(self) -> list[gateway.Forward]:
        """Return the forwarded ports."""
        return gateway.plan_forwards(self.record.api_port, self.record.http_port, self.record.https_port)

    @cached_property
    def control_plane(self) -> Machine:
        """Return the machine of etcd and the API server, which also holds the network's switch."""
        return self._machine(control_plane.NAME)

    @cached_property
    def gateway(self) -> Machine:
        """Return the machine that listens on the host's loopback. It is the only one in the host's network."""
        return self._machine(gateway.NAME, own_network=False)

    def worker(self, worker: Node) -> Machine:
        """Return the machine of a worker."""
        return self._machine(worker.name)

    @cached_property
    def store_and_api(self) -> list[Part]:
        """Return the parts of the control plane that must start first."""
        relays = [forward.relay(binary, self.state) for forward in self.forwards]
        api = control_plane.kube_apiserver(binary, self.state, self.record.feature_gates)
        return [control_plane.etcd(binary, self.state), api, *relays]

    @cached_property
    def controllers(self) -> list[Part]:
        """Return the parts of the control plane that need the API server."""
        return [
            control_plane.kube_controller_manager(binary, self.state, self.record.feature_gates),
            control_plane.kube_scheduler(binary, self.state),
        ]

    @cached_property
    def listeners(self) -> list[Part]:
        """Return the parts of the gateway."""
        return [forward.listener(binary, self.state) for forward in self.forwards]

    def runtime(self, worker: Node) -> Part:
        """Return a worker's container runtime."""
        return node.containerd(binary, node.config_folder(self.state, worker))

    def agents(self, worker: Node) -> list[Part]:
        """Return the parts of a worker that need the API server."""
        config = node.config_folder(self.state, worker)
        return [node.kubelet(binary, self.state, worker, config), node.kube_proxy(binary, config)]

    def everything(self) -> Iterator[tuple[Machine, list[Part]]]:
        """Yield every machine with its parts."""
        yield self.control_plane, [*self.store_and_api, *self.controllers]
        yield self.gateway, self.listeners
        for worker in self.nodes:
            yield self.worker(worker), [self.runtime(worker), *self.agents(worker)]

    def _machine(self, name: str, *, own_network: bool = True) -> Machine:
        return Machine(
            name=name,
            cgroup=cluster_cgroup(self.state) / name,
            disk=self.state.machine(name),
            logs=self.state.logs,
            env=environment(),
            own_network=own_network,
        )


def cluster_cgroup(state: State) -> Cgroup:
    """Return the cgroup of all processes of a cluster."""
    return Cgroup(f"{ROOT}/{state.tag}")
