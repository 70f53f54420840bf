"""Start a cluster. Every step does only what is missing, so an interrupted start can be repeated."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.devcluster import addons, images, node, ports
from tools.devcluster.fleet import Fleet
from tools.devcluster.health import Health
from tools.devcluster.images import Image
from tools.devcluster.kubectl import Kubectl
from tools.devcluster.limits import INOTIFY_CONTROL_PLANE, INOTIFY_PER_NODE, check_inotify
from tools.devcluster.machine import Machine, Part
from tools.devcluster.network import connect_control_plane, connect_node, enable_link, lose_packets
from tools.devcluster.pki import Kubeadm, write_admin_kubeconfig
from tools.devcluster.plan import Node
from tools.devcluster.programs import binary, cni_plugins
from tools.devcluster.progress import Progress, Step
from tools.devcluster.waiting import wait_for

_API_LIMIT_SECONDS = 60
_RUNTIME_LIMIT_SECONDS = 30
_NODES_LIMIT_SECONDS = 90
_ADDONS_LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Startup:
    """The start of a cluster."""

    fleet: Fleet
    kubectl: Kubectl
    progress: Progress
    archives: Sequence[Path] = ()
    """Image archives to import into all nodes, besides the cluster's own."""

    def run(self) -> None:
        """Return when everything is ready. Raise DevclusterError with the last state if a step exceeds its limit."""
        check_inotify(self._needed_inotify_instances())
        kubeadm = Kubeadm(binary("kubeadm"), self.fleet.state)
        with self.progress.step("Certificates"):
            kubeadm.make_pki(self.fleet.nodes)
            write_admin_kubeconfig(self.fleet.state, self.fleet.record.api_port)
        with self.progress.step(f"Machines and network: control plane and {len(self.fleet.nodes)} nodes"):
            self._start_machines()
        with self.progress.step("Control plane, nodes, images") as step, ThreadPoolExecutor() as pool:
            # Submit in this order, so that no task waits for a later one in the pool.
            archives = {image: pool.submit(image.write, self.fleet.state.images) for image in images.OWN}
            runtimes = {worker: pool.submit(self._start_runtime, worker) for worker in self.fleet.nodes}
            loads = [pool.submit(self._load, worker, runtimes[worker], archives) for worker in self.fleet.nodes]
            self._start_control_plane(step)
            self._start_agents(runtimes)
            for done, load in enumerate(loads):
                step.say(f"images are loaded into {done} of {len(loads)} nodes")
                load.result()
        self._apply_addons(kubeadm)
        with self.progress.step("Nodes") as step:
            self._await("all nodes to be Ready", self._health.missing_nodes, _NODES_LIMIT_SECONDS, step)
        with self.progress.step("DNS, network policies, ingress") as step:
            self._await("DNS, network policies and ingress", self._health.missing_addons, _ADDONS_LIMIT_SECONDS, step)

    def _needed_inotify_instances(self) -> int:
        """Return the number of inotify instances that the machines still to be started need."""
        return sum(
            INOTIFY_CONTROL_PLANE if machine is self.fleet.control_plane else INOTIFY_PER_NODE
            for machine, parts in self.fleet.everything()
            if machine is not self.fleet.gateway and any(machine.process(part) is None for part in parts)
        )

    @property
    def _health(self) -> Health:
        return Health(self.fleet, self.kubectl)

    def _start_machines(self) -> None:
        fleet = self.fleet
        with ThreadPoolExecutor() as pool:
            list(pool.map(Machine.start, [machine for machine, _ in fleet.everything()]))
        connect_control_plane(fleet.control_plane, fleet.nodes)
        for worker in fleet.nodes:
            connect_node(fleet.control_plane, fleet.worker(worker), worker, fleet.nodes)
            enable_link(fleet.control_plane, worker)
            lose_packets(fleet.worker(worker), 0)

    def _start_control_plane(self, step: Step) -> None:
        fleet = self.fleet
        for forward, listener in zip(fleet.forwards, fleet.listeners, strict=True):
            if fleet.gateway.process(listener) is None:
                ports.check_free(forward.port)
                fleet.gateway.keep_running(listener)
        for part in fleet.store_and_api:
            fleet.control_plane.keep_running(part)

        def missing() -> str | None:
            for part in fleet.store_and_api:
                fleet.control_plane.check_alive(part)
            return self._health.missing_api()

        wait_for("the API server", missing, _API_LIMIT_SECONDS, step.say)
        for part in fleet.controllers:
            fleet.control_plane.keep_running(part)

    def _start_runtime(self, worker: Node) -> None:
        machine, runtime = self.fleet.worker(worker), self.fleet.runtime(worker)
        pods = machine.cgroup / "pods"
        pods.create()
        node.prepare_disk(self.fleet.state, worker, pods, cni_plugins())
        machine.keep_running(runtime)

        def missing() -> str | None:
            machine.check_alive(runtime)
            return None if images.is_served(machine) else "no answer"

        wait_for(f"the container runtime of {worker.name}", missing, _RUNTIME_LIMIT_SECONDS)

    def _load(self, worker: Node, runtime: Future[None], archives: Mapping[Image, Future[Path]]) -> None:
        runtime.result()
        for image in images.wanted(worker):
            images.load(self.fleet.worker(worker), archives[image].result())
        for archive in self.archives:
            images.load(self.fleet.worker(worker), archive)

    def _start_agents(self, runtimes: Mapping[Node, Future[None]]) -> None:
        for worker, runtime in runtimes.items():
            runtime.result()
            for agent in self.fleet.agents(worker):
                self.fleet.worker(worker).keep_running(agent)

    def _agents(self) -> Iterator[tuple[Machine, Part]]:
        for worker in self.fleet.nodes:
            for agent in self.fleet.agents(worker):
                yield self.fleet.worker(worker), agent

    def _apply_addons(self, kubeadm: Kubeadm) -> None:
        dns = addons.dns(kubeadm.coredns_manifest(), len(self.fleet.nodes))
        self.kubectl.apply(addons.in_order([*addons.access(), *dns, *addons.network_policies(), *addons.ingress()]))

    def _await(self, what: str, missing: Callable[[], str | None], limit: float, step: Step) -> None:
        def look() -> str | None:
            for machine, agent in self._agents():
                machine.check_alive(agent)
            return missing()

        wait_for(what, look, limit, step.say, interval=0.3)
