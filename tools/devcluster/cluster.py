"""A cluster: create it, inspect it, delete it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tools.devcluster import addons, images, ports
from tools.devcluster.cgroups import remove_root
from tools.devcluster.errors import DevclusterError
from tools.devcluster.fleet import Fleet, cluster_cgroup
from tools.devcluster.health import Health
from tools.devcluster.kubectl import Kubectl
from tools.devcluster.plan import DEFAULT_NODES, check_name, plan_nodes
from tools.devcluster.programs import binary, check_host, check_toolchain
from tools.devcluster.progress import Progress
from tools.devcluster.startup import Startup
from tools.devcluster.state import Record, State, default_state


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes cluster on this machine; `state` is the folder with the folders of all clusters."""

    name: str = "dev"
    state: Path = field(default_factory=default_state)
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        """Raise DevclusterError if the name cannot be that of a folder and a host."""
        check_name(self.name)

    @property
    def files(self) -> State:
        """Return the cluster's files."""
        return State(self.state.absolute() / self.name)

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig. Raise DevclusterError if the cluster does not exist."""
        return self.fleet.state.kubeconfig

    @property
    def http_port(self) -> int:
        """Return the ingress controller's HTTP port on 127.0.0.1."""
        return self.fleet.record.http_port

    @property
    def https_port(self) -> int:
        """Return the ingress controller's HTTPS port on 127.0.0.1."""
        return self.fleet.record.https_port

    @property
    def fleet(self) -> Fleet:
        """Return the cluster's machines. Raise DevclusterError if the cluster does not exist."""
        record = self.files.read()
        if record is None:
            raise DevclusterError(f"There is no cluster {self.name!r} in {self.state}: create it with `devcluster up`")
        return Fleet(self.files, record)

    @property
    def kubectl(self) -> Kubectl:
        """Return kubectl for this cluster."""
        kubeconfig = self.kubeconfig  # first: that there is no cluster is the clearer error
        return Kubectl(binary("kubectl"), kubeconfig)

    def up(self, nodes: int | None = None, archives: Sequence[Path] = ()) -> None:
        """Create the cluster, or start what is missing, and import image archives into all nodes.

        `nodes` is the number of workers: by default that of the existing cluster, or 3.
        """
        plan_nodes(DEFAULT_NODES if nodes is None else nodes)
        check_host()
        check_toolchain()
        self.files.create()
        with self.files.locked():
            fleet = Fleet(self.files, self._record(nodes))
            if self.missing() is None:
                for archive in archives:
                    self.load_image(archive)
                self.progress.done(f"Cluster {self.name} is up already: {self._summary(fleet)}")
                return
            Startup(fleet, self.kubectl, self.progress, archives).run()
            self.progress.done(f"Cluster {self.name} is up: {self._summary(fleet)}")

    def down(self) -> None:
        """Kill all processes of the cluster and delete its folder. Do nothing if the cluster does not exist."""
        files, group = self.files, cluster_cgroup(self.files)
        if not files.folder.exists() and not group.exists:
            self.progress.done(f"There is no cluster {self.name}")
            return
        check_host()
        with self.progress.step(f"Taking down cluster {self.name}"):
            files.folder.mkdir(parents=True, exist_ok=True)
            with files.locked():
                group.kill()
                group.remove()
                remove_root()
                files.remove()

    def set_feature_gates(self, gates: str) -> None:
        """Restart the parts that have feature gates with these, such as `NAME=true`; with none if empty."""
        fleet = self.fleet
        with self.files.locked():
            self.files.write(fleet.record.model_copy(update={"feature_gates": gates}))
            for part in (*fleet.store_and_api, *fleet.controllers):
                if any(argument.startswith("--feature-gates=") for argument in part.command):
                    (fleet.control_plane.cgroup / part.name).kill()
        self.up()

    def load_image(self, archive: Path) -> None:
        """Import an image archive in the format of `docker save` into every node that does not have its images yet."""
        fleet = self.fleet
        with self.progress.step(f"Loading {archive.name}"), ThreadPoolExecutor() as pool:
            list(pool.map(partial(images.load, archive=archive), map(fleet.worker, fleet.nodes)))

    def add_provisioner(self) -> None:
        """Install a dynamic provisioner of volumes, with the StorageClass addons.STORAGE_CLASS. Only tests need it."""
        self.load_image(images.PROVISIONER.write(self.files.images))
        self.kubectl.apply(addons.in_order(addons.provisioner()))

    def missing(self) -> str | None:
        """Return the first thing that the cluster lacks to be ready, or None."""
        return Health(self.fleet, self.kubectl).missing()

    def _record(self, nodes: int | None) -> Record:
        record = self.files.read()
        if record is None:
            record = Record(
                nodes=DEFAULT_NODES if nodes is None else nodes,
                api_port=ports.first_free(ports.FIRST_API),
                http_port=ports.first_free(ports.FIRST_HTTP),
                https_port=ports.first_free(ports.FIRST_HTTPS),
            )
            self.files.write(record)
        elif nodes is not None and nodes != record.nodes:
            raise DevclusterError(
                f"Cluster {self.name} has {record.nodes} nodes, not {nodes}:"
                f" run `devcluster down`, then `devcluster up --nodes {nodes}`"
            )
        return record

    def _summary(self, fleet: Fleet) -> str:
        record = fleet.record
        return (
            f"{record.nodes} nodes Ready; ingress at http://localhost:{record.http_port}"
            f" and https://localhost:{record.https_port}; KUBECONFIG={self.kubeconfig}"
        )
