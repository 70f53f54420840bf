"""ConsulCluster: the graph of a cluster, in the order data flows."""

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.core.v1.outputs import ServiceSpec

from components.acl.job import create_acl_job
from components.acl.objects import create_acl
from components.acl.tokens import service_tokens
from components.agents.agent_config import HTTPS_PORT
from components.agents.agent_files import create_agent_files
from components.agents.stateful_sets import create_agents
from components.changes.guard import create_guard
from components.health.job import create_health_check
from components.identity import COMPONENT_TYPE
from components.kubernetes.disruption_budgets import create_disruption_budgets
from components.kubernetes.protection import protected, retained
from components.kubernetes.service_accounts import create_service_accounts
from components.monitoring.objects import create_monitoring
from components.naming import Naming
from components.network.policies import create_network_policies
from components.network.services import create_services
from components.network.ui_ingress import create_ui_ingress
from components.settings import Settings
from components.storage import create_storage
from components.trust.authority import Authority
from components.trust.keys import create_acl_seed, create_ca_key, create_gossip_key

# https://kubernetes.io/docs/concepts/security/pod-security-admission/
_POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


class ConsulCluster(pulumi.ComponentResource):
    """A Consul cluster in a namespace of its own: servers, clients, their keys, certificates, volumes and Services.

    The attributes are what other programs need to use it. `gossip_key` and the tokens are secrets; without ACLs there
    are no tokens.
    """

    namespace: pulumi.Output[str]
    """The cluster's namespace."""
    datacenter: str
    """Consul's datacenter."""
    domain: str
    """Consul's DNS domain."""
    image: str
    """The Consul image."""
    server_hosts: list[str]
    """The servers' DNS names inside Kubernetes."""
    client_hosts: list[str]
    """The clients' DNS names inside Kubernetes."""
    https_address: str
    """The servers' API and UI, from inside the namespace: `https://consul-ui.<namespace>.svc:8501`."""
    client_address: str
    """The clients' API, for `clientNamespaces`: `https://consul-client.<namespace>.svc:8501`."""
    dns_address: pulumi.Output[str]
    """Consul's DNS inside Kubernetes, `address:53`."""
    ca_certificate: pulumi.Output[str]
    """The CA's certificate, PEM."""
    server_certificate_expiry: pulumi.Output[str]
    """When the servers' certificate ends, RFC 3339."""
    secret_name: pulumi.Output[str]
    """The Secret with `ca.pem`, `consul.pem`, `consul-key.pem`, `gossip-encryption-key`."""
    config_map_name: pulumi.Output[str]
    """The ConfigMap with `server.json` and `client.json`."""
    gossip_key: pulumi.Output[str]
    """The gossip key, 32 bytes in base64."""
    management_token: pulumi.Output[str | None]
    """The token that may do everything; null without ACLs."""
    metrics_token: pulumi.Output[str | None]
    """The token that reads the agents' metrics; null without ACLs."""
    service_tokens: pulumi.Output[dict[str, str]]
    """The token of each of the setting `serviceTokens`."""
    ui_url: str | None
    """The UI by the Ingress; null without one, so always in production."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the cluster; `name` is the servers' StatefulSet's and Service's name, too."""
        inputs = settings.model_dump(mode="json", by_alias=True)
        super().__init__(COMPONENT_TYPE, name, inputs, opts)
        child = pulumi.ResourceOptions(parent=self)
        naming = Naming(name, settings.namespace)

        kept = protected(settings, child)
        ca_key = create_ca_key(name, kept)
        self.gossip_key = create_gossip_key(name, kept)
        acl_seed = create_acl_seed(name, kept)
        keys = {"caKey": ca_key.public_key_pem, "gossipKey": self.gossip_key, "aclSeed": acl_seed}
        guard = create_guard(name, settings, keys, child)
        child = pulumi.ResourceOptions(parent=self, depends_on=[guard])

        authority = Authority(name, settings, ca_key, child)
        server = authority.sign(f"{name}-server", naming.server_names(settings), child)
        client = authority.sign(f"{name}-client", naming.client_names(), child)
        metadata = Namespace(
            name,
            metadata={"name": settings.namespace, "labels": naming.labels() | _POD_SECURITY},
            # Retain the namespace in production: deleting it deletes the claims of the volumes.
            opts=retained(settings, child),
        ).metadata
        self.namespace = metadata.name
        accounts = create_service_accounts(naming, settings, self.namespace, child)
        policies = create_network_policies(naming, settings, self.namespace, child)
        create_disruption_budgets(naming, self.namespace, child)

        files = create_agent_files(naming, settings, authority, server, client, self.gossip_key, self.namespace, child)
        acl = create_acl(naming, settings, acl_seed, self.namespace, child) if settings.acl_enabled else None
        storage = create_storage(naming, settings, child)
        services = create_services(naming, self.namespace, child)
        # Create pods after their ServiceAccounts, without which pods are rejected, and after their NetworkPolicies.
        pods = pulumi.ResourceOptions(parent=self, depends_on=[guard, *accounts, *policies])
        acl_job = create_acl_job(naming, settings, self.namespace, files, acl, pods) if acl else None
        agents = create_agents(naming, settings, self.namespace, files, acl, storage, acl_job, pods)
        create_health_check(naming, settings, self.namespace, files, acl, agents, pods)
        if settings.monitoring != "none":
            create_monitoring(naming, settings, self.namespace, authority.certificate, acl, child)
        if settings.ingress_enabled:
            create_ui_ingress(naming, settings, authority, self.namespace, child)

        self.datacenter = settings.datacenter
        self.domain = settings.domain
        self.image = settings.image
        self.server_hosts = [f"{server}.{naming.host(name)}" for server in naming.servers(settings.server_replicas)]
        self.client_hosts = [
            f"{client}.{naming.host(naming.clients)}" for client in naming.client_pods(settings.client_replicas)
        ]
        self.https_address = f"https://{naming.host(naming.ui_service)}:{HTTPS_PORT}"
        self.client_address = f"https://{naming.host(naming.clients)}:{HTTPS_PORT}"
        self.dns_address = services.dns.spec.apply(_dns_address)
        self.ca_certificate = authority.certificate
        self.server_certificate_expiry = server.expiry
        self.secret_name = files.credentials.metadata.name
        self.config_map_name = files.config.metadata.name
        tokens = acl.secret_ids() if acl else pulumi.Output.secret({})
        self.management_token = tokens.apply(lambda by_name: by_name.get("management"))
        self.metrics_token = tokens.apply(lambda by_name: by_name.get("metrics"))
        self.service_tokens = tokens.apply(
            lambda by_name: {token.service: by_name[token.name] for token in service_tokens(settings)}
        )
        self.ui_url = f"https://{settings.ingress_host}" if settings.ingress_enabled else None
        self.register_outputs(self.outputs())

    def outputs(self) -> dict[str, pulumi.Input[object]]:
        """The stack outputs, which other projects rely on: a name once given stays."""
        return {
            "namespace": self.namespace,
            "datacenter": self.datacenter,
            "domain": self.domain,
            "image": self.image,
            "serverHosts": self.server_hosts,
            "clientHosts": self.client_hosts,
            "httpsAddress": self.https_address,
            "clientAddress": self.client_address,
            "dnsAddress": self.dns_address,
            "caCertificate": self.ca_certificate,
            "serverCertificateExpiry": self.server_certificate_expiry,
            "secretName": self.secret_name,
            "configMapName": self.config_map_name,
            "gossipKey": self.gossip_key,
            "managementToken": self.management_token,
            "metricsToken": self.metrics_token,
            "serviceTokens": self.service_tokens,
            "uiUrl": self.ui_url,
        }


def _dns_address(service: ServiceSpec) -> str:
    """The DNS Service's address; Kubernetes assigns it, so the preview of a new cluster cannot know it."""
    return f"{service.cluster_ip or '(assigned by Kubernetes)'}:53"
