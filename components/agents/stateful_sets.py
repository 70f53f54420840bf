"""The StatefulSets of Consul servers and clients. How agents start, restart and leave: README.md beside this file."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgsDict
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    ContainerPortArgsDict,
    HTTPGetActionArgsDict,
    LifecycleArgsDict,
    PersistentVolumeClaimArgsDict,
    PodTemplateSpecArgsDict,
    ProbeArgsDict,
    SecretProjectionArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
    VolumeProjectionArgsDict,
    WeightedPodAffinityTermArgsDict,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.acl.objects import CLIENT_ACL, SERVER_ACL, Acl
from components.agents import agent_config
from components.agents.agent_files import AgentFiles
from components.changes.guard import guard_replicas
from components.identity import CLIENT, SERVER
from components.kubernetes.lint_waivers import pod_exceptions
from components.kubernetes.pod import (
    CONTAINER_SECURITY,
    FILE_MODE,
    TLS_MOUNT,
    pod_spec,
    recovery_environment,
    requirements,
    tls_volume,
    token_environment,
    token_mounts,
    token_volumes,
)
from components.kubernetes.protection import protected
from components.kubernetes.scripts import read_script
from components.naming import Naming
from components.settings import Resources, Settings
from components.storage import VOLUME, Storage

_SCRIPTS = Path(__file__).with_name("scripts")
_LEAVE = read_script(_SCRIPTS / "leave.sh")
_VOTE = read_script(_SCRIPTS / "vote.sh")

# A server needs at most 20 s for the checks of leave.sh, then 3 s to broadcast its leave, 5 s to drain RPCs and at most
# 5 s until Raft removes it (consul agent/consul/server.go). A client stops within 15 s (command/agent/agent.go).
_GRACE_SECONDS = 60

_HTTPS: HTTPGetActionArgsDict = {"port": "https", "scheme": "HTTPS"}

# A server answers this without a leader, so a lost quorum restarts no server. A client forwards it to any server.
# A client that knows no server is restarted, because Consul stops retry_join after its first success.
_ALIVE: ProbeArgsDict = {"http_get": {**_HTTPS, "path": "/v1/status/leader"}, "timeout_seconds": 5}

# The catalog answers only if a leader is known. Without a token it returns an empty list, which is enough here.
_READY: ProbeArgsDict = {
    "http_get": {**_HTTPS, "path": "/v1/health/service/consul"},
    "period_seconds": 1,
    "timeout_seconds": 2,
}

# A stale read needs no leader, so clients stay ready and services stay discoverable during a leader election.
_ANSWERS: ProbeArgsDict = {**_READY, "http_get": {**_HTTPS, "path": "/v1/health/service/consul?stale"}}

_PORTS: list[ContainerPortArgsDict] = [
    {"name": "https", "container_port": agent_config.HTTPS_PORT},
    {"name": "grpc-tls", "container_port": agent_config.GRPC_TLS_PORT},
    {"name": "serf-lan", "container_port": agent_config.SERF_LAN_PORT},
    {"name": "serf-lan-udp", "container_port": agent_config.SERF_LAN_PORT, "protocol": "UDP"},
    {"name": "dns", "container_port": agent_config.DNS_PORT, "protocol": "UDP"},
    {"name": "dns-tcp", "container_port": agent_config.DNS_PORT},
]

# Annotations of Prometheus' usual pod relabelling. Prometheus also needs the CA certificate and the metrics token.
_SCRAPE = {
    "prometheus.io/scrape": "true",
    "prometheus.io/scheme": "https",
    "prometheus.io/port": str(agent_config.HTTPS_PORT),
    "prometheus.io/path": agent_config.METRICS_PATH,
    "prometheus.io/param_format": "prometheus",
}

# 30 minutes at one probe a second: do not restart a server while it installs a large snapshot from the leader.
_VOTE_PROBES = 1800
_VOTE_PROBE_SECONDS = 3

# Minimum number of nodes for the servers in production.
_NODES = 3

# Services registered with a client are lost when it restarts. Wait this long before the next client, so that their
# owners can register them again.
_REGISTRATION_SECONDS = 10

# 5 minutes at one probe a second: clients retry the join by themselves; restart only one that hangs.
_JOIN_PROBES = 300


@dataclass(frozen=True)
class _Role:
    """The differences between servers and clients."""

    component: str
    service: str
    replicas: int
    resources: Resources
    config_file: str
    startup: ProbeArgsDict
    readiness: ProbeArgsDict
    ports: list[ContainerPortArgsDict]
    data: VolumeMountArgsDict
    tls: VolumeArgsDict
    acl: Acl | None
    acl_file: str
    token_files: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str])
    projections: list[VolumeProjectionArgsDict] = field(default_factory=list[VolumeProjectionArgsDict])
    volumes: list[VolumeArgsDict] = field(default_factory=list[VolumeArgsDict])
    claims: list[PersistentVolumeClaimArgsDict] = field(default_factory=list[PersistentVolumeClaimArgsDict])
    min_ready_seconds: int = 0
    lifecycle: LifecycleArgsDict = field(default_factory=LifecycleArgsDict)


@dataclass(frozen=True)
class Agents:
    """The two StatefulSets, and `revision`: a hash (16 hex digits) of both specifications."""

    servers: StatefulSet
    clients: StatefulSet
    revision: pulumi.Output[str]


def create_agents(
    naming: Naming,
    settings: Settings,
    namespace: pulumi.Input[str],
    files: AgentFiles,
    acl: Acl | None,
    storage: Storage,
    acl_job: Job | None,
    opts: pulumi.ResourceOptions,
) -> Agents:
    """Create the StatefulSets: servers with one persistent volume each, clients with an emptyDir."""
    data: VolumeMountArgsDict = {"name": VOLUME, "mount_path": agent_config.DATA_DIR}
    servers = _Role(
        component=SERVER,
        service=naming.name,
        replicas=settings.server_replicas,
        resources=settings.server_resources,
        config_file=agent_config.SERVER_FILE,
        startup={
            "exec_": {"command": ["sh", "-c", _VOTE]},
            "period_seconds": 1,
            "timeout_seconds": _VOTE_PROBE_SECONDS,
            "failure_threshold": _VOTE_PROBES,
        },
        readiness=_READY,
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
    clients = _Role(
        component=CLIENT,
        service=naming.clients,
        replicas=settings.client_replicas,
        resources=settings.client_resources,
        config_file=agent_config.CLIENT_FILE,
        startup={**_ALIVE, "period_seconds": 1, "failure_threshold": _JOIN_PROBES},
        readiness=_ANSWERS,
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
    server_spec = _spec(naming, settings, files, servers)
    client_spec = _spec(naming, settings, files, clients)
    return Agents(
        servers=_stateful_set(naming, settings, servers, namespace, server_spec, server_opts),
        clients=_stateful_set(naming, settings, clients, namespace, client_spec, client_opts),
        revision=pulumi.Output.json_dumps([server_spec, client_spec], sort_keys=True).apply(
            lambda specs: hashlib.sha256(specs.encode()).hexdigest()[:16]
        ),
    )


def _stateful_set(
    naming: Naming,
    settings: Settings,
    role: _Role,
    namespace: pulumi.Input[str],
    spec: StatefulSetSpecArgsDict,
    opts: pulumi.ResourceOptions,
) -> StatefulSet:
    metadata: ObjectMetaArgsDict = {
        "name": role.service,
        "namespace": namespace,
        "labels": naming.labels(role.component),
        "annotations": pod_exceptions(settings),
    }
    return StatefulSet(role.service, metadata=metadata, spec=spec, opts=opts)


def _spec(naming: Naming, settings: Settings, files: AgentFiles, role: _Role) -> StatefulSetSpecArgsDict:
    labels = naming.labels(role.component)
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
        "template": _pod(settings, files, role, labels),
        "volume_claim_templates": role.claims,
    }


def _pod(settings: Settings, files: AgentFiles, role: _Role, labels: dict[str, str]) -> PodTemplateSpecArgsDict:
    spread: TopologySpreadConstraintArgsDict = {
        "max_skew": 1,
        "topology_key": "kubernetes.io/hostname",
        "when_unsatisfiable": "DoNotSchedule" if settings.production else "ScheduleAnyway",
        # Ignore tainted nodes when computing skew, so a dead node does not block scheduling.
        "node_taints_policy": "Honor",
        "label_selector": {"match_labels": labels},
    }
    if settings.production and role.component == SERVER:
        # With two nodes, one would hold two of three servers, and its failure would lose the quorum.
        spread["min_domains"] = _NODES
    # Only prefer zones: a zonal volume cannot move, so a hard rule could make its pod unschedulable.
    zones: WeightedPodAffinityTermArgsDict = {
        "weight": 100,
        "pod_affinity_term": {
            "topology_key": "topology.kubernetes.io/zone",
            "label_selector": {"match_labels": labels},
        },
    }
    metadata: ObjectMetaArgsDict = {"labels": labels}
    if settings.monitoring == "annotations":
        metadata["annotations"] = _SCRAPE
    return {
        "metadata": metadata,
        "spec": {
            **pod_spec(settings, role.service, _container(settings, role), _volumes(files, role)),
            "termination_grace_period_seconds": _GRACE_SECONDS,
            "topology_spread_constraints": [spread],
            "affinity": {"pod_anti_affinity": {"preferred_during_scheduling_ignored_during_execution": [zones]}},
        },
    }


def _container(settings: Settings, role: _Role) -> ContainerArgsDict:
    container: ContainerArgsDict = {
        "name": "consul",
        "image": settings.image,
        "command": ["consul", "agent"],
        "args": [f"-config-dir={agent_config.CONFIG_DIR}", "-advertise=$(POD_IP)"],
        "env": [
            {"name": "POD_NAME", "value_from": {"field_ref": {"field_path": "metadata.name"}}},
            {"name": "POD_IP", "value_from": {"field_ref": {"field_path": "status.podIP"}}},
            *({"name": key, "value": value} for key, value in (token_environment(role.acl) | role.environment).items()),
        ],
        "ports": [*_PORTS, *role.ports],
        "resources": requirements(role.resources),
        "startup_probe": role.startup,
        "readiness_probe": role.readiness,
        "liveness_probe": {**_ALIVE, "period_seconds": 10, "failure_threshold": 6},
        "security_context": CONTAINER_SECURITY,
        "volume_mounts": [
            role.data,
            {"name": "config", "mount_path": agent_config.CONFIG_DIR, "read_only": True},
            TLS_MOUNT,
            *token_mounts(role.acl),
            # Servers write a snapshot to /tmp before they send it.
            {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - a volume of the pod's own
        ],
    }
    if role.lifecycle:
        container["lifecycle"] = role.lifecycle
    return container


def _volumes(files: AgentFiles, role: _Role) -> list[VolumeArgsDict]:
    config: list[VolumeProjectionArgsDict] = [
        {
            "config_map": {
                "name": files.config.metadata.name,
                "items": [{"key": role.config_file, "path": role.config_file}],
            }
        },
        {"secret": {"name": files.gossip.metadata.name}},
        *role.projections,
    ]
    if role.acl:
        tokens: SecretProjectionArgsDict = {
            "name": role.acl.agents.metadata.name,
            "items": [{"key": role.acl_file, "path": agent_config.ACL_FILE}],
        }
        config.append({"secret": tokens})
    return [
        {"name": "config", "projected": {"sources": config, "default_mode": FILE_MODE}},
        role.tls,
        *token_volumes(role.acl, role.component, *role.token_files),
        {"name": "tmp", "empty_dir": {}},
        *role.volumes,
    ]
