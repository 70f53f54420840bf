"""Check whether a cluster works, by asking its parts. What the API knows about them may be outdated."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tools.devcluster.errors import DevclusterError
from tools.devcluster.fleet import Fleet
from tools.devcluster.kubectl import Kubectl
from tools.devcluster.network import policy_queue_is_served
from tools.devcluster.plan import CLUSTER_DOMAIN, DNS_SERVICE

# Ask the DNS Service this often, because kube-proxy chooses one of two servers at random for each question. If it still
# has the address of a stopped server, the chance that the other one gets all questions is 1 in 256.
_DNS_QUESTIONS = 8

# A kubelet renews its node's lease four times in this time.
LEASE_SECONDS = 10


# `sh -c … sh NAME SERVER …`: succeed if every server answers.
_ASK_DNS = 'name=$1; shift; for server; do timeout 2 busybox nslookup -type=a "$name" "$server" || exit 1; done'


@dataclass(frozen=True)
class Health:
    """Checks of a cluster. Each returns what is missing, or None."""

    fleet: Fleet
    kubectl: Kubectl

    def missing(self) -> str | None:
        """Return the first thing that is missing. The cheapest checks run first."""
        checks = (self.missing_parts, self.missing_api, self.missing_nodes, self.missing_addons)
        return next((found for check in checks if (found := check())), None)

    def missing_parts(self) -> str | None:
        """Return a machine that is off, or a part that does not run."""
        for machine, parts in self.fleet.everything():
            if not machine.is_on:
                return f"{machine.name} is off"
            for part in parts:
                if machine.process(part) is None:
                    return f"{part.name} on {machine.name} does not run"
        return None

    def missing_api(self) -> str | None:
        """Return that the API server does not answer or is not ready."""
        return None if self.kubectl.is_ready() else "the API server is not ready"

    def missing_nodes(self) -> str | None:
        """Return the nodes that are not Ready, or have not renewed their lease."""
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
        """Return a missing addon: policy enforcement or DNS on a node, or the ingress controller."""
        try:
            dns = [*self._dns_servers(), *([str(DNS_SERVICE)] * _DNS_QUESTIONS)]
        except DevclusterError as error:
            return str(error)
        for node in self.fleet.nodes:
            machine = self.fleet.worker(node)
            if not policy_queue_is_served(machine):
                return f"the network policy enforcer of {node.name} does not run yet"
            try:
                machine.run(["sh", "-c", _ASK_DNS, "sh", f"kubernetes.default.svc.{CLUSTER_DOMAIN}.", *dns])
            except DevclusterError:
                return f"DNS does not answer on {node.name} yet"
        return None if self._ingress_answers() else "the ingress controller does not answer yet"

    def _dns_servers(self) -> list[str]:
        """Return the addresses of the DNS servers that are ready as far as Kubernetes knows; one may have stopped."""
        service = ["--namespace=kube-system", "--selector=kubernetes.io/service-name=kube-dns"]
        slices = self.kubectl.get("endpointslices", *service)["items"]
        endpoints = [endpoint for each in slices for endpoint in each["endpoints"] or ()]
        return [address for each in endpoints if each["conditions"].get("ready") for address in each["addresses"]]

    def _ingress_answers(self) -> bool:
        try:
            urlopen(f"http://127.0.0.1:{self.fleet.record.http_port}/ping", timeout=2).close()
        except HTTPError:  # an error page is an answer too
            return True
        except (URLError, OSError):
            return False
        return True


def _age(timestamp: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds()
