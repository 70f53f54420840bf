"""The StatefulSets of Consul servers and clients. How agents start, restart and leave: README.md beside this file."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgsDict
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import VolumeMountArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.acl.objects import CLIENT_ACL, SERVER_ACL, Acl
from components.agents import agent_config
from components.agents.agent_files import AgentFiles
from components.agents.pod_template import ANSWERS, HAS_LEADER, HAS_SERVER, Role, pod_template
from components.changes.guard import guard_replicas
from components.cluster import Cluster
from components.identity import CLIENT, SERVER
from components.kubernetes.lint_waivers import waivers
from components.kubernetes.pod import recovery_environment, tls_volume
from components.kubernetes.protection import protected
from components.kubernetes.scripts import read_script
from components.storage import VOLUME, Storage

_SCRIPTS = Path(__file__).with_name("scripts")
_LEAVE = read_script(_SCRIPTS / "leave.sh")
_VOTE = read_script(_SCRIPTS / "vote.sh")

# 30 minutes at one probe a second: do not restart a server while it installs a large snapshot from the leader.
_VOTE_PROBES = 1800
_VOTE_TIMEOUT_SECONDS = 3

# A client that restarts loses the services that are registered with it. Wait this long before the next client restarts,
# so that the owners of these services can register them again.
_REGISTRATION_SECONDS = 10

# 5 minutes at one probe a second: clients retry to join by themselves, so restart only a client that hangs.
_JOIN_PROBES = 300


@dataclass(frozen=True)
class Agents:
    """The two StatefulSets, and `revision`: a hash (16 hex digits) of both specs."""

    servers: StatefulSet
    clients: StatefulSet
    revision: pulumi.Output[str]


def create_agents(
    cluster: Cluster,
    files: AgentFiles,
    storage: Storage,
    acl: Acl | None,
    acl_job: Job | None,
    opts: pulumi.ResourceOptions,
) -> Agents:
    """Create the StatefulSets: servers with one persistent volume each, clients with an emptyDir."""
    naming, settings = cluster.naming, cluster.settings
    data: VolumeMountArgsDict = {"name": VOLUME, "mount_path": agent_config.DATA_DIR}
    servers = Role(
        component=SERVER,
        service=naming.name,
        replicas=settings.server_replicas,
        resources=settings.server_resources,
        config_file=agent_config.SERVER_FILE,
        startup={
            "exec_": {"command": ["sh", "-c", _VOTE]},
            "period_seconds": 1,
            "timeout_seconds": _VOTE_TIMEOUT_SECONDS,
            "failure_threshold": _VOTE_PROBES,
        },
        readiness=HAS_LEADER,
        ports=[{"name": "rpc", "container_port": agent_config.SERVER_RPC_PORT}],
        data={**data, "sub_path_expr": storage.sub_path} if storage.sub_path else data,
        tls=tls_volume(files.credentials, agent_config.SERVER_CERTIFICATE, agent_config.SERVER_PRIVATE_KEY),
        acl=acl,
        acl_file=SERVER_ACL,
        token_files=(agent_config.MANAGEMENT_TOKEN, agent_config.RECOVERY_TOKEN),
        environment={"SERVERS": naming.host(naming.name), **recovery_environment(acl)},
        projections=[{"config_map": {"name": naming.bootstrap}}],
        claims=[storage.claim],
        lifecycle={"pre_stop": {"exec_": {"command": ["sh", "-c", _LEAVE]}}},
    )
    clients = Role(
        component=CLIENT,
        service=naming.clients,
        replicas=settings.client_replicas,
        resources=settings.client_resources,
        config_file=agent_config.CLIENT_FILE,
        startup={**ANSWERS, "period_seconds": 1, "failure_threshold": _JOIN_PROBES},
        readiness=HAS_SERVER,
        ports=[],
        data=data,
        tls=tls_volume(files.client_credentials, agent_config.CLIENT_CERTIFICATE, agent_config.CLIENT_PRIVATE_KEY),
        acl=acl,
        acl_file=CLIENT_ACL,
        volumes=[{"name": VOLUME, "empty_dir": {}}],
        min_ready_seconds=_REGISTRATION_SECONDS,
    )
    opts = protected(settings, opts)
    server_opts = pulumi.ResourceOptions.merge(
        pulumi.ResourceOptions.merge(opts, guard_replicas(naming.name)),
        pulumi.ResourceOptions(depends_on=[files.bootstrap, *storage.volumes]),
    )
    # Create clients after the ACL Job: a client whose token does not exist yet retries with increasing delays.
    client_opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[acl_job] if acl_job else []))
    server_spec, client_spec = _spec(cluster, files, servers), _spec(cluster, files, clients)
    return Agents(
        servers=_stateful_set(cluster, servers, server_spec, server_opts),
        clients=_stateful_set(cluster, clients, client_spec, client_opts),
        revision=pulumi.Output.json_dumps([server_spec, client_spec], sort_keys=True).apply(
            lambda specs: hashlib.sha256(specs.encode()).hexdigest()[:16]
        ),
    )


def _stateful_set(
    cluster: Cluster, role: Role, spec: StatefulSetSpecArgsDict, opts: pulumi.ResourceOptions
) -> StatefulSet:
    metadata: ObjectMetaArgsDict = {
        **cluster.metadata(role.service, role.component),
        "annotations": waivers(cluster.settings),
    }
    return StatefulSet(role.service, metadata=metadata, spec=spec, opts=opts)


def _spec(cluster: Cluster, files: AgentFiles, role: Role) -> StatefulSetSpecArgsDict:
    settings = cluster.settings
    labels = cluster.naming.labels(role.component)
    # Keep claims that hold data: a StorageClass may delete the volume with its claim, and a released volume of
    # `storage_nodes` is never bound again.
    when_deleted = "Retain" if settings.production else "Delete"
    when_scaled = "Retain" if settings.production or settings.storage_nodes else "Delete"
    return {
        "service_name": role.service,
        "replicas": role.replicas,
        "selector": {"match_labels": labels},
        # Start all pods at once: none is ready before a majority runs. Rolling updates still replace one pod at a time.
        "pod_management_policy": "Parallel",
        "min_ready_seconds": role.min_ready_seconds,
        "persistent_volume_claim_retention_policy": {"when_deleted": when_deleted, "when_scaled": when_scaled},
        "template": pod_template(settings, files, role, labels),
        "volume_claim_templates": role.claims,
    }
