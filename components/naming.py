"""Names and labels that more than one part of a cluster goes by. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


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
        labels = {"app.kubernetes.io/name": "consul", "app.kubernetes.io/instance": self.name}
        return labels | ({"app.kubernetes.io/component": component} if component else {})

    def certificate_names(self) -> list[str]:
        """The Service names under which clients may reach a server; their number is not part of them."""
        servers, ui = self.host(self.name), self.host(self.ui_service)
        names = [servers, f"*.{servers}", ui]
        return [*names, *(f"{name}.cluster.local" for name in names)]
