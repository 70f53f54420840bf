"""Names and labels that more than one part of a cluster goes by. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.identity import AGENT, COMPONENT_LABEL, INSTANCE_LABEL, NAME_LABEL
from components.settings import Settings


@dataclass(frozen=True)
class Naming:
    """The Kubernetes names of one cluster's objects; `name` is the component's, `consul` in the stack."""

    name: str
    namespace: str

    @property
    def clients(self) -> str:
        """The clients' StatefulSet and headless Service."""
        return f"{self.name}-client"

    @property
    def bootstrap(self) -> str:
        """The ConfigMap that servers read at the cluster's first start only."""
        return f"{self.name}-bootstrap"

    @property
    def ui_service(self) -> str:
        """The Service of the servers' HTTPS API and web UI."""
        return f"{self.name}-ui"

    @property
    def health(self) -> str:
        """The health check's Job and ServiceAccount."""
        return f"{self.name}-health"

    @property
    def acl(self) -> str:
        """The Job that makes the ACLs, its ServiceAccount and its files."""
        return f"{self.name}-acl"

    @property
    def dns_service(self) -> str:
        """The Service of the agents' DNS."""
        return f"{self.name}-dns"

    def host(self, service: str) -> str:
        """A Service's DNS name, good in any cluster domain: pods resolve it by their search list."""
        return f"{service}.{self.namespace}.svc"

    def servers(self, replicas: int) -> Sequence[str]:
        """The servers' pods, which are also their Consul node names."""
        return [f"{self.name}-{ordinal}" for ordinal in range(replicas)]

    def client_pods(self, replicas: int) -> Sequence[str]:
        """The clients' pods, which are also their Consul node names."""
        return [f"{self.clients}-{ordinal}" for ordinal in range(replicas)]

    def labels(self, component: str | None = None) -> dict[str, str]:
        """Labels of an object, or of one of its components (`server`, `client`).

        https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
        """
        labels = {NAME_LABEL: AGENT, INSTANCE_LABEL: self.name}
        return labels | ({COMPONENT_LABEL: component} if component else {})

    def jobs(self, settings: Settings) -> Sequence[str]:
        """The Jobs that there are."""
        return [self.health, self.acl] if settings.acl_enabled else [self.health]

    def job_labels(self, job: str) -> dict[str, str]:
        """Labels of a Job's pod: of another name than the agents, or their DNS Service would take it for one."""
        return self.labels() | {NAME_LABEL: job}

    def server_names(self, settings: Settings) -> list[str]:
        """The names in the servers' certificate; the servers' number is not part of them."""
        # verify_server_hostname takes a peer for a server by the first name alone.
        own = [f"server.{settings.datacenter}.{settings.domain}", "localhost"]
        return own + _names(self.host(self.name), self.host(self.ui_service))

    def client_names(self) -> list[str]:
        """The names in the certificate that clients show to those who call them."""
        return [*_names(self.host(self.clients)), "localhost"]


def _names(headless: str, *others: str) -> list[str]:
    """A headless Service, each of its pods, and other Services; with the domain that most clusters have, too."""
    names = [headless, f"*.{headless}", *others]
    return [*names, *(f"{name}.cluster.local" for name in names)]
