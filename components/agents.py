"""The Consul agents: one pod template, two roles."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgsDict
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    ContainerPortArgsDict,
    LifecycleArgsDict,
    PersistentVolumeClaimArgsDict,
    PodTemplateSpecArgsDict,
    ProbeArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
    VolumeProjectionArgsDict,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components import agent_config
from components.agent_files import AgentFiles
from components.naming import Naming
from components.pod import CONTAINER_SECURITY, FILE_MODE, POD_SECURITY, TLS_MOUNT, requirements, tls_volume
from components.protection import protected
from components.settings import Resources, Settings
from components.storage import VOLUME, Storage

_HAND_OVER = Path(__file__).with_name("hand_over.sh").read_text()

# A leaving server hands over, tells the others (3 s), drains calls (5 s) and waits for its removal from Raft (5 s at
# most); the agent gives up after 15 s (consul agent/consul/server.go, command/agent/agent.go).
_GRACE_SECONDS = 60

# The agent's HTTPS root answers without a leader, so a lost quorum restarts nobody.
_ALIVE: ProbeArgsDict = {"http_get": {"path": "/", "port": "https", "scheme": "HTTPS"}}

# The catalog answers only where a leader is known; without rights it answers with an empty list.
_READY: ProbeArgsDict = {
    "http_get": {"path": "/v1/health/service/consul", "port": "https", "scheme": "HTTPS"},
    "period_seconds": 1,
    "timeout_seconds": 2,
}

# A server that comes back is a non-voter until autopilot trusts it. Only then may a rollout take the next one.
_VOTER = 'consul operator raft list-peers | grep -Eq "^$POD_NAME +.* true "'

_PORTS: list[ContainerPortArgsDict] = [
    {"name": "https", "container_port": agent_config.HTTPS_PORT},
    {"name": "grpc-tls", "container_port": agent_config.GRPC_TLS_PORT},
    {"name": "serf-lan", "container_port": agent_config.SERF_LAN_PORT},
    {"name": "serf-lan-udp", "container_port": agent_config.SERF_LAN_PORT, "protocol": "UDP"},
    {"name": "dns", "container_port": agent_config.DNS_PORT, "protocol": "UDP"},
    {"name": "dns-tcp", "container_port": agent_config.DNS_PORT},
]

# A server that found nobody but itself never tries again, so one without a vote is started anew after 100 probes: 100 s
# at the least, and 5 min where each runs into its time-out, as it does while there is no leader.
_VOTE_PROBES = 100
_VOTE_PROBE_SECONDS = 3

# Clients try to join until they have; this is for one that hangs. One probe a second.
_JOIN_PROBES = 300


@dataclass(frozen=True)
class _Role:
    """What servers and clients differ in."""

    component: str
    service: str
    replicas: int
    resources: Resources
    config_file: str
    startup: ProbeArgsDict
    ports: list[ContainerPortArgsDict]
    data: VolumeMountArgsDict
    projections: list[VolumeProjectionArgsDict] = field(default_factory=list[VolumeProjectionArgsDict])
    tls_files: tuple[str, ...] = ()
    volumes: list[VolumeArgsDict] = field(default_factory=list[VolumeArgsDict])
    claims: list[PersistentVolumeClaimArgsDict] = field(default_factory=list[PersistentVolumeClaimArgsDict])
    lifecycle: LifecycleArgsDict = field(default_factory=LifecycleArgsDict)


@dataclass(frozen=True)
class Agents:
    """The two StatefulSets, and a text that changes whenever either is about to change its pods or their number."""

    servers: StatefulSet
    clients: StatefulSet
    revision: pulumi.Output[str]


def create_agents(
    naming: Naming,
    settings: Settings,
    namespace: pulumi.Input[str],
    files: AgentFiles,
    storage: Storage,
    opts: pulumi.ResourceOptions,
) -> Agents:
    """Servers, each on its own volume, and clients, whose data is as short-lived as their pod."""
    data: VolumeMountArgsDict = {"name": VOLUME, "mount_path": agent_config.DATA_DIR}
    servers = _Role(
        component="server",
        service=naming.name,
        replicas=settings.server_replicas,
        resources=settings.server_resources,
        config_file=agent_config.SERVER_FILE,
        startup={
            "exec_": {"command": ["sh", "-c", _VOTER]},
            "period_seconds": 1,
            "timeout_seconds": _VOTE_PROBE_SECONDS,
            "failure_threshold": _VOTE_PROBES,
        },
        ports=[{"name": "rpc", "container_port": agent_config.SERVER_RPC_PORT}],
        data={**data, "sub_path_expr": storage.sub_path} if storage.sub_path else data,
        projections=[{"config_map": {"name": naming.bootstrap}}],
        tls_files=(agent_config.SERVER_CERTIFICATE, agent_config.SERVER_PRIVATE_KEY),
        claims=[storage.claim],
        lifecycle={"pre_stop": {"exec_": {"command": ["sh", "-c", _HAND_OVER]}}},
    )
    clients = _Role(
        component="client",
        service=naming.clients,
        replicas=settings.client_replicas,
        resources=settings.client_resources,
        config_file=agent_config.CLIENT_FILE,
        startup={**_ALIVE, "period_seconds": 1, "failure_threshold": _JOIN_PROBES},
        ports=[],
        data=data,
        volumes=[{"name": VOLUME, "empty_dir": {}}],
    )
    server_opts = pulumi.ResourceOptions.merge(
        protected(settings, opts), pulumi.ResourceOptions(depends_on=[files.bootstrap, *storage.volumes])
    )
    server_spec = _spec(naming, settings, files, servers)
    client_spec = _spec(naming, settings, files, clients)
    return Agents(
        servers=_stateful_set(naming, servers, namespace, server_spec, server_opts),
        clients=_stateful_set(naming, clients, namespace, client_spec, opts),
        revision=pulumi.Output.json_dumps([server_spec, client_spec], sort_keys=True).apply(
            lambda specs: hashlib.sha256(specs.encode()).hexdigest()[:16]
        ),
    )


def _stateful_set(
    naming: Naming,
    role: _Role,
    namespace: pulumi.Input[str],
    spec: StatefulSetSpecArgsDict,
    opts: pulumi.ResourceOptions,
) -> StatefulSet:
    metadata: ObjectMetaArgsDict = {
        "name": role.service,
        "namespace": namespace,
        "labels": naming.labels(role.component),
    }
    return StatefulSet(role.service, metadata=metadata, spec=spec, opts=opts)


def _spec(naming: Naming, settings: Settings, files: AgentFiles, role: _Role) -> StatefulSetSpecArgsDict:
    labels = naming.labels(role.component)
    # Without a claim a StorageClass deletes the volume; a volume on a node's disk just becomes free to be bound again.
    retention = "Retain" if settings.production and settings.storage_class else "Delete"
    return {
        "service_name": role.service,
        "replicas": role.replicas,
        "selector": {"match_labels": labels},
        # All start at once, since none is ready before a majority is up; a rollout still goes one by one.
        "pod_management_policy": "Parallel",
        "persistent_volume_claim_retention_policy": {"when_deleted": retention, "when_scaled": retention},
        "template": _pod(settings, files, role, labels),
        "volume_claim_templates": role.claims,
    }


def _pod(settings: Settings, files: AgentFiles, role: _Role, labels: dict[str, str]) -> PodTemplateSpecArgsDict:
    spread: TopologySpreadConstraintArgsDict = {
        "max_skew": 1,
        "topology_key": "kubernetes.io/hostname",
        "when_unsatisfiable": "DoNotSchedule" if settings.production else "ScheduleAnyway",
        # A dead node is no place to wait for.
        "node_taints_policy": "Honor",
        "label_selector": {"match_labels": labels},
    }
    return {
        "metadata": {"labels": labels},
        "spec": {
            "automount_service_account_token": False,
            # Kubernetes would otherwise set CONSUL_… variables for the Services, and Consul's own CLI reads such.
            "enable_service_links": False,
            "termination_grace_period_seconds": _GRACE_SECONDS,
            "security_context": POD_SECURITY,
            "topology_spread_constraints": [spread],
            "containers": [_container(settings, role)],
            "volumes": _volumes(files, role),
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
        ],
        "ports": [*_PORTS, *role.ports],
        "resources": requirements(role.resources),
        "startup_probe": role.startup,
        "readiness_probe": _READY,
        "liveness_probe": {**_ALIVE, "period_seconds": 10, "timeout_seconds": 5},
        "security_context": CONTAINER_SECURITY,
        "volume_mounts": [
            role.data,
            {"name": "config", "mount_path": agent_config.CONFIG_DIR, "read_only": True},
            TLS_MOUNT,
            # Servers write snapshots there before they send them.
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
    return [
        {"name": "config", "projected": {"sources": config, "default_mode": FILE_MODE}},
        tls_volume(files, *role.tls_files),
        {"name": "tmp", "empty_dir": {}},
        *role.volumes,
    ]
