"""The ConsulCluster component: declare all resources of a cluster, in the order in which data flows."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import Namespace

from components.acl.job import create_acl_job
from components.acl.objects import create_acl, declared_accessors, fill_tokens
from components.acl.tokens import METRICS, all_tokens
from components.agents.agent_files import create_agent_files, create_start_files, fill_secrets, mark_formed
from components.agents.stateful_sets import agent_specs, create_clients, create_servers, revision
from components.changes.guard import ServersGuard, create_guard
from components.changes.history import History, mark_healthy, read_history
from components.cluster import Cluster
from components.health.job import create_health_check
from components.health.preflight import create_preflight
from components.identity import COMPONENT_TYPE
from components.kubernetes.disruption_budgets import create_disruption_budgets
from components.kubernetes.protection import protected, retained
from components.kubernetes.service_accounts import create_service_accounts
from components.monitoring.objects import create_monitoring
from components.naming import Naming
from components.network.policies import create_network_policies
from components.network.services import create_services
from components.network.ui_ingress import create_ui_ingress
from components.outputs import Outputs, Parts, output_values
from components.parallelism import known_after, may_wait
from components.secret_settings import component_inputs, hide, hiding
from components.settings import Settings
from components.storage import create_storage
from components.trust.authority import Authority
from components.trust.keys import create_keys

# https://kubernetes.io/docs/concepts/security/pod-security-admission/
_POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


class ConsulCluster(pulumi.ComponentResource, Outputs):
    """A Consul cluster in a namespace of its own: servers, clients, their keys, certificates, volumes and Services.

    Its attributes are its outputs: what other programs need to use the cluster.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the cluster; `name` is also the name of the servers' StatefulSet and Service."""
        super().__init__(COMPONENT_TYPE, name, component_inputs(settings), hiding(settings, opts))
        naming = Naming(name, settings.namespace)
        if settings.allow_degraded:
            pulumi.warn("allowDegraded is true: servers may restart although others are missing", self)

        history = read_history(name, settings)
        if history.starts_over:
            pulumi.warn(f"The cluster was never healthy, and starts over: attempt {history.attempt}", self)

        # Trust. All resources except the keys depend on the guard, so a refusal comes before any other change.
        child = pulumi.ResourceOptions(parent=self)
        keys = create_keys(name, settings, history.generations(settings), child)
        tokens = all_tokens(naming, settings) if settings.acl_enabled else {}
        accessors = declared_accessors(tokens, keys)
        guard = create_guard(name, settings, history, keys, accessors, child)
        child = pulumi.ResourceOptions(parent=self, depends_on=[guard])
        authority = Authority(name, settings, keys.ca, child)
        server = authority.sign(f"{name}-server", naming.server_names(settings), child)
        client = authority.sign(f"{name}-client", naming.client_names(), child)

        # Storage.
        cluster = _create_namespace(naming, settings, history, child)
        storage = create_storage(cluster, child)

        # Agents. Create pods only after the ServiceAccounts and NetworkPolicies that apply to them.
        services = create_services(cluster, child)
        files = create_agent_files(cluster, server, client, child)
        acl = create_acl(cluster, tokens, keys, accessors.apply(history.revoked), child) if tokens else None
        before_pods: list[pulumi.Resource] = [
            guard,
            *create_service_accounts(cluster, child),
            *create_network_policies(cluster, child),
        ]
        create_disruption_budgets(cluster, child)
        specs = agent_specs(cluster, files, storage, acl)

        # One after the other, so that no step waits for a later one: https://developer.hashicorp.com/consul/docs/upgrade
        # also has the servers before the clients.
        def after(*steps: pulumi.Resource) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, depends_on=[*before_pods, *steps])

        servers_guard = ServersGuard(name, storage.volumes[: settings.server_replicas])

        def check(*first: pulumi.CustomResource) -> Job:
            revised = known_after(first, revision(specs.servers))
            return create_preflight(cluster, files, keys, acl, revised, servers_guard.check(after()))

        def fill(*first: pulumi.CustomResource) -> Sequence[pulumi.CustomResource]:
            return fill_secrets(cluster, files, authority, keys, first, child)

        # The check needs certificates that have not expired. But before another CA signs, it must have asked whether
        # all agents trust that CA. The state has a dependency in neither direction: one that changes its direction
        # would make updates with targets fail.
        if history.rotates_ca(settings):
            preflight = check()
            secrets = fill(preflight)
        else:
            secrets = fill()
            preflight = check(*secrets)
        before_pods += secrets
        before_acls = after()

        def apply_acls(*first: pulumi.CustomResource) -> list[Job]:
            return [create_acl_job(cluster, files, acl, preflight, first, before_acls)] if acl else []

        # Before agents use other tokens, the ACL Job must have created them. Here too, no dependency is in the state.
        created_first = apply_acls() if history.rotates_tokens(settings) else []
        if acl:
            before_pods.append(fill_tokens(cluster, acl, [preflight, *created_first], child))
        start_files = create_start_files(cluster, services, keys, after(preflight))
        data = [*storage.volumes, *storage.claims]
        servers = create_servers(cluster, specs.servers, servers_guard.servers(after(preflight, *start_files, *data)))
        # At the first update, the ACL Job and the clients start beside the servers, for which they wait in their pods.
        at_once = history.first and may_wait(2)
        acl_jobs = created_first or apply_acls(*([] if at_once else [servers]))
        before_clients = start_files if at_once else [servers, *acl_jobs]
        clients = create_clients(cluster, specs.clients, servers_guard.clients(after(*before_clients)))
        health = create_health_check(
            cluster,
            files,
            keys,
            acl,
            preflight,
            revision(specs.servers, specs.clients),
            after(servers, *acl_jobs, clients),
        )
        healthy = mark_healthy(name, settings, history, protected(after(health), when=settings.production))
        # In this order: with the ConfigMap but without the mark, the next update may start over, and the new servers
        # would wait for a leader.
        mark_formed(cluster, after(healthy))

        # Edge: how monitoring and users reach the agents. During a rotation, nobody gets a token before it exists.
        issued = known_after(created_first, acl.current_secret_ids()) if acl else None
        if settings.monitoring != "none":
            create_monitoring(cluster, authority, issued[METRICS] if issued is not None else None, child)
        if settings.ingress_enabled:
            create_ui_ingress(cluster, authority, servers, child)

        parts = Parts(cluster, keys, authority, files, services, issued)
        Outputs.__init__(self, **hide(settings, output_values(parts)))
        self.register_outputs(self.outputs())


def _create_namespace(naming: Naming, settings: Settings, history: History, opts: pulumi.ResourceOptions) -> Cluster:
    """Create the namespace. In production `pulumi destroy` keeps it: deleting it would delete the volumes' claims."""
    namespace = Namespace(
        naming.name,
        metadata={"name": settings.namespace, "labels": naming.labels() | _POD_SECURITY},
        opts=protected(retained(opts, when=settings.production), when=history.protects_data(settings)),
    )
    return Cluster(naming, settings, history, namespace.metadata.name)
