"""Whether a cluster works: found out by asking its parts, since what the API last heard of them may be old."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tools.devcluster.errors import DevclusterError
from tools.devcluster.fleet import Fleet
from tools.devcluster.kubectl import Kubectl
from tools.devcluster.network import policy_queue_is_served
from tools.devcluster.plan import CLUSTER_DOMAIN, DNS_SERVICE

# A kubelet renews its node's lease four times in this many seconds.
LEASE_SECONDS = 10


@dataclass(frozen=True)
class Health:
    """Looks at a cluster; each look gives what is missing, or None."""

    fleet: Fleet
    kubectl: Kubectl

    def missing(self) -> str | None:
        """The first thing that is missing, cheapest and most basic first."""
        looks = (self.missing_parts, self.missing_api, self.missing_nodes, self.missing_addons)
        return next((seen for look in looks if (seen := look())), None)

    def missing_parts(self) -> str | None:
        """Machines that are off and parts that do not run."""
        for machine, parts in self.fleet.everything():
            if not machine.is_on:
                return f"{machine.name} is off"
            for part in parts:
                if machine.process(part) is None:
                    return f"{part.name} on {machine.name} does not run"
        return None

    def missing_api(self) -> str | None:
        """An API server that does not answer, or is not ready."""
        return None if self.kubectl.is_ready() else "the API server is not ready"

    def missing_nodes(self) -> str | None:
        """Nodes that are not Ready, or were not heard of lately."""
        try:
            leases = self.kubectl.get("leases", "--namespace=kube-node-lease")["items"]
            nodes = self.kubectl.get("nodes")["items"]
        except DevclusterError as error:
            return str(error)
        heard_of = {lease["metadata"]["name"] for lease in leases if _age(lease["spec"]["renewTime"]) < LEASE_SECONDS}
        ready = {
            node["metadata"]["name"]
            for node in nodes
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        }
        names = [node.name for node in self.fleet.nodes]
        lacking = [name for name in names if name not in heard_of & ready]
        return f"{len(names) - len(lacking)} of {len(names)} Ready, not {', '.join(lacking)}" if lacking else None

    def missing_addons(self) -> str | None:
        """Enforcement of policies and DNS on every node, and the ingress controller."""
        for node in self.fleet.nodes:
            machine = self.fleet.worker(node)
            if not policy_queue_is_served(machine):
                return f"the network policy enforcer of {node.name} is not at work yet"
            name = f"kubernetes.default.svc.{CLUSTER_DOMAIN}."
            try:
                machine.run(["timeout", "2", "busybox", "nslookup", "-type=a", name, str(DNS_SERVICE)])
            except DevclusterError:
                return f"DNS does not answer on {node.name} yet"
        return None if self._ingress_answers() else "the ingress controller does not answer yet"

    def _ingress_answers(self) -> bool:
        try:
            urlopen(f"http://127.0.0.1:{self.fleet.record.http_port}/ping", timeout=2).close()
        except HTTPError:  # an answer, if only that there is no such page
            return True
        except (URLError, OSError):
            return False
        return True


def _age(timestamp: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds()
