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
from components.outputs import Outputs
from components.settings import Settings
from components.storage import create_storage
from components.trust.authority import Authority
from components.trust.keys import create_acl_seed, create_ca_key, create_gossip_key

# https://kubernetes.io/docs/concepts/security/pod-security-admission/
_POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


class ConsulCluster(pulumi.ComponentResource, Outputs):
    """A Consul cluster in a namespace of its own: servers, clients, their keys, certificates, volumes and Services.

    Its attributes are its outputs: what other programs need to use the cluster.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the cluster; `name` is the servers' StatefulSet's and Service's name, too."""
        inputs = settings.model_dump(mode="json", by_alias=True)
        super().__init__(COMPONENT_TYPE, name, inputs, opts)
        child = pulumi.ResourceOptions(parent=self)
        naming = Naming(name, settings.namespace)

        kept = protected(settings, child)
        ca_key = create_ca_key(name, kept)
        gossip_key = create_gossip_key(name, kept)
        acl_seed = create_acl_seed(name, kept)
        keys = {"caKey": ca_key.public_key_pem, "gossipKey": gossip_key, "aclSeed": acl_seed}
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
        namespace = metadata.name
        accounts = create_service_accounts(naming, settings, namespace, child)
        policies = create_network_policies(naming, settings, namespace, child)
        create_disruption_budgets(naming, namespace, child)

        files = create_agent_files(naming, settings, authority, server, client, gossip_key, namespace, child)
        acl = create_acl(naming, settings, acl_seed, namespace, child) if settings.acl_enabled else None
        storage = create_storage(naming, settings, child)
        services = create_services(naming, namespace, child)
        # Create pods after their ServiceAccounts, without which pods are rejected, and after their NetworkPolicies.
        pods = pulumi.ResourceOptions(parent=self, depends_on=[guard, *accounts, *policies])
        acl_job = create_acl_job(naming, settings, namespace, files, acl, pods) if acl else None
        agents = create_agents(naming, settings, namespace, files, acl, storage, acl_job, pods)
        create_health_check(naming, settings, namespace, files, acl, agents, pods)
        if settings.monitoring != "none":
            create_monitoring(naming, settings, namespace, authority.certificate, acl, child)
        if settings.ingress_enabled:
            create_ui_ingress(naming, settings, authority, namespace, child)

        tokens = acl.secret_ids() if acl else pulumi.Output.secret({})
        Outputs.__init__(
            self,
            namespace=namespace,
            datacenter=settings.datacenter,
            domain=settings.domain,
            image=settings.image,
            server_hosts=[f"{server}.{naming.host(name)}" for server in naming.servers(settings.server_replicas)],
            client_hosts=[
                f"{client}.{naming.host(naming.clients)}" for client in naming.client_pods(settings.client_replicas)
            ],
            https_address=f"https://{naming.host(naming.ui_service)}:{HTTPS_PORT}",
            client_address=f"https://{naming.host(naming.clients)}:{HTTPS_PORT}",
            dns_address=services.dns.spec.apply(_dns_address),
            ca_certificate=authority.certificate,
            server_certificate_expiry=server.expiry,
            secret_name=files.credentials.metadata.name,
            config_map_name=files.config.metadata.name,
            gossip_key=gossip_key,
            management_token=tokens.apply(lambda by_name: by_name.get("management")),
            metrics_token=tokens.apply(lambda by_name: by_name.get("metrics")),
            service_tokens=tokens.apply(
                lambda by_name: {token.service: by_name[token.name] for token in service_tokens(settings)}
            ),
            ui_url=f"https://{settings.ingress_host}" if settings.ingress_enabled else None,
        )
        self.register_outputs(self.outputs())


def _dns_address(service: ServiceSpec) -> str:
    """Return the DNS Service's address; Kubernetes assigns it, so the preview of a new cluster cannot know it."""
    return f"{service.cluster_ip or '(assigned by Kubernetes)'}:53"
