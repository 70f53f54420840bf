"""Names and labels of a cluster's Kubernetes objects that several modules use. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.identity import AGENT, COMPONENT_LABEL, INSTANCE_LABEL, NAME_LABEL
from components.settings import MOST_SERVERS, Settings


@dataclass(frozen=True)
class Naming:
    """The names of one cluster's objects; `name` is the component's name, `consul` in the stack."""

    name: str
    namespace: str

    @property
    def clients(self) -> str:
        """Return the name of the clients' StatefulSet and headless Service."""
        return f"{self.name}-client"

    @property
    def bootstrap(self) -> str:
        """Return the name of the ConfigMap that servers read only when the cluster bootstraps."""
        return f"{self.name}-bootstrap"

    @property
    def formed(self) -> str:
        """Return the name of the ConfigMap that exists from when the cluster was healthy once."""
        return f"{self.name}-formed"

    @property
    def addresses(self) -> str:
        """Return the name of the ConfigMap with the servers' addresses, which a server reads when it starts."""
        return f"{self.name}-addresses"

    @property
    def gossip(self) -> str:
        """Return the name of the Secret with the gossip keys, which an agent reads when its pod is new."""
        return f"{self.name}-gossip"

    @property
    def ui_service(self) -> str:
        """Return the name of the Service for the servers' HTTPS API and web UI."""
        return f"{self.name}-ui"

    @property
    def preflight(self) -> str:
        """Return the name of the pre-flight check's Job and ServiceAccount."""
        return f"{self.name}-preflight"

    @property
    def health(self) -> str:
        """Return the name of the health check's Job and ServiceAccount."""
        return f"{self.name}-health"

    @property
    def acl(self) -> str:
        """Return the name of the ACL Job, its ServiceAccount, its Secret and its ConfigMap."""
        return f"{self.name}-acl"

    @property
    def agent_acl(self) -> str:
        """Return the name of the Secret with the agents' tokens."""
        return f"{self.name}-agent-acl"

    @property
    def dns_service(self) -> str:
        """Return the name of the Service for the agents' DNS."""
        return f"{self.name}-dns"

    def host(self, service: str) -> str:
        """Return a Service's DNS name without the cluster domain, which pods add from their search list."""
        return f"{service}.{self.namespace}.svc"

    def servers(self, replicas: int) -> Sequence[str]:
        """Return the names of the servers' pods, which are also their Services' and their Consul node names."""
        return [f"{self.name}-{ordinal}" for ordinal in range(replicas)]

    def client_pods(self, replicas: int) -> Sequence[str]:
        """Return the names of the clients' pods, which are also their Consul node names."""
        return [f"{self.clients}-{ordinal}" for ordinal in range(replicas)]

    def labels(self, component: str | None = None) -> dict[str, str]:
        """Return the labels of an object; `component` is the object's role (SERVER or CLIENT), if it has one.

        https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
        """
        labels = {NAME_LABEL: AGENT, INSTANCE_LABEL: self.name}
        return labels | ({COMPONENT_LABEL: component} if component else {})

    def jobs(self, settings: Settings) -> Sequence[str]:
        """Return the names of the Jobs."""
        return [self.preflight, self.health, *([self.acl] if settings.acl_enabled else [])]

    def job_labels(self, job: str) -> dict[str, str]:
        """Return the labels of a Job's pod. NAME_LABEL differs, or the agents' DNS Service would select the pod."""
        return self.labels() | {NAME_LABEL: job}

    def server_names(self, settings: Settings) -> list[str]:
        """Return the DNS names in the servers' certificate. They do not depend on the number of servers."""
        # With verify_server_hostname, agents accept a server only if its certificate has the first name.
        own = [f"server.{settings.datacenter}.{settings.domain}", "localhost"]
        services = [self.host(service) for service in (self.ui_service, *self.servers(MOST_SERVERS))]
        return own + _names(self.host(self.name), *services)

    def client_names(self) -> list[str]:
        """Return the DNS names in the certificate of the clients' API."""
        return [*_names(self.host(self.clients)), "localhost"]


def _names(headless: str, *others: str) -> list[str]:
    """Return the names of a headless Service, its pods and other Services, also with the default cluster domain."""
    names = [headless, f"*.{headless}", *others]
    return [*names, *(f"{name}.cluster.local" for name in names)]
