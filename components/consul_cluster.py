"""ConsulCluster: the graph of a cluster, in the order data flows."""

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.core.v1.outputs import ServiceSpec

from components.agent_config import HTTPS_PORT
from components.agent_files import create_agent_files
from components.agents import create_agents
from components.cluster_health import create_health_check
from components.gossip import create_gossip_key
from components.naming import Naming
from components.pki import create_pki
from components.protection import protected
from components.services import create_services
from components.settings import Settings
from components.storage import create_storage
from components.ui_ingress import create_ui_ingress


class ConsulCluster(pulumi.ComponentResource):
    """A Consul cluster in a namespace of its own: servers, clients, their keys, certificates, volumes and Services.

    The attributes are what other programs need to use it; `gossip_key` is a secret.
    """

    namespace: pulumi.Output[str]
    datacenter: str
    domain: str
    image: str
    server_hosts: list[str]
    https_address: str
    dns_address: pulumi.Output[str]
    ca_certificate: pulumi.Output[str]
    server_certificate_expiry: pulumi.Output[str]
    secret_name: pulumi.Output[str]
    config_map_name: pulumi.Output[str]
    gossip_key: pulumi.Output[str]
    ui_url: str | None

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the cluster; `name` is the servers' StatefulSet's and Service's name, too."""
        super().__init__("consul-cluster:index:ConsulCluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        naming = Naming(name, settings.namespace)

        pki = create_pki(name, settings, naming.certificate_names(), child)
        self.gossip_key = create_gossip_key(name, protected(settings, child))

        metadata = Namespace(
            name, metadata={"name": settings.namespace, "labels": naming.labels()}, opts=protected(settings, child)
        ).metadata
        self.namespace = metadata.name
        files = create_agent_files(naming, settings, pki, self.gossip_key, self.namespace, child)
        storage = create_storage(naming, settings, child)

        services = create_services(naming, self.namespace, child)
        agents = create_agents(naming, settings, self.namespace, files, storage, child)
        create_health_check(naming, settings, self.namespace, files, agents, child)
        if settings.ingress_enabled:
            create_ui_ingress(naming, settings, self.namespace, child)

        self.datacenter = settings.datacenter
        self.domain = settings.domain
        self.image = settings.image
        self.server_hosts = [f"{server}.{naming.host(name)}" for server in naming.servers(settings.server_replicas)]
        self.https_address = f"https://{naming.host(naming.ui_service)}:{HTTPS_PORT}"
        self.dns_address = services.dns.spec.apply(_dns_address)
        self.ca_certificate = pki.ca_certificate
        self.server_certificate_expiry = pki.server_certificate_expiry
        self.secret_name = files.credentials.metadata.name
        self.config_map_name = files.config.metadata.name
        self.ui_url = f"http://{settings.ingress_host}" if settings.ingress_enabled else None
        self.register_outputs(self.outputs())

    def outputs(self) -> dict[str, pulumi.Input[object]]:
        """The stack outputs, which other projects rely on: a name once given stays."""
        return {
            "namespace": self.namespace,
            "datacenter": self.datacenter,
            "domain": self.domain,
            "image": self.image,
            "serverHosts": self.server_hosts,
            "httpsAddress": self.https_address,
            "dnsAddress": self.dns_address,
            "caCertificate": self.ca_certificate,
            "serverCertificateExpiry": self.server_certificate_expiry,
            "secretName": self.secret_name,
            "configMapName": self.config_map_name,
            "gossipKey": self.gossip_key,
            "uiUrl": self.ui_url,
        }


def _dns_address(service: ServiceSpec) -> str:
    """The DNS Service's address; Kubernetes assigns it, so the preview of a new cluster cannot know it."""
    return f"{service.cluster_ip or '(assigned by Kubernetes)'}:53"
