"""The pod template of Consul agents: container, files, probes, spreading over nodes."""

from dataclasses import dataclass, field

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

from components.acl.objects import Acl
from components.agents import agent_config
from components.agents.agent_files import AgentFiles
from components.identity import SERVER
from components.kubernetes.pod import (
    CONTAINER_SECURITY,
    FILE_MODE,
    GOSSIP_MOUNT,
    TLS_MOUNT,
    gossip_volume,
    pod_spec,
    requirements,
    token_environment,
    token_mounts,
    token_volumes,
)
from components.settings import Resources, Settings

# How long a server that should stop waits at most, if the others are no majority without it (stop.sh). Kubernetes then
# gives it time to hand over leadership and to stop. A client leaves within 15 s (Consul's command/agent/agent.go).
STOP_SECONDS = 120
_GRACE_SECONDS = STOP_SECONDS + 30

# How many pods a rolling update replaces at a time, by default.
ONE_AT_A_TIME = "1"

_HTTPS: HTTPGetActionArgsDict = {"port": "https", "scheme": "HTTPS"}

# A client answers this request by itself, so an outage of the servers restarts no client. It forwards all requests of
# the API that need no token to a server.
CLIENT_ANSWERS: ProbeArgsDict = {"http_get": {**_HTTPS, "path": "/"}, "timeout_seconds": 5}

# The catalog answers only if a leader is known. Without a token it returns an empty list, which is enough here.
HAS_LEADER: ProbeArgsDict = {
    "http_get": {**_HTTPS, "path": "/v1/health/service/consul"},
    "period_seconds": 1,
    "timeout_seconds": 2,
}

# A stale read needs no leader, so clients stay ready and services stay discoverable during a leader election.
HAS_SERVER: ProbeArgsDict = {**HAS_LEADER, "http_get": {**_HTTPS, "path": "/v1/health/service/consul?stale"}}

_PORTS: list[ContainerPortArgsDict] = [
    {"name": "https", "container_port": agent_config.HTTPS_PORT},
    {"name": "grpc-tls", "container_port": agent_config.GRPC_TLS_PORT},
    {"name": "serf-lan", "container_port": agent_config.SERF_LAN_PORT},
    {"name": "serf-lan-udp", "container_port": agent_config.SERF_LAN_PORT, "protocol": "UDP"},
    {"name": "dns", "container_port": agent_config.DNS_PORT, "protocol": "UDP"},
    {"name": "dns-tcp", "container_port": agent_config.DNS_PORT},
]

# The usual relabelling rules of Prometheus read these annotations. Prometheus also needs the CA certificate and the
# metrics token.
_SCRAPE = {
    "prometheus.io/scrape": "true",
    "prometheus.io/scheme": "https",
    "prometheus.io/port": str(agent_config.HTTPS_PORT),
    "prometheus.io/path": agent_config.METRICS_PATH,
    "prometheus.io/param_format": "prometheus",
}

# With two nodes, one would hold two of three servers, and its failure would lose the quorum.
_MIN_SERVER_NODES = 3


@dataclass(frozen=True)
class Role:
    """What differs between the pods of servers and of clients.

    `component` is SERVER or CLIENT. `service` is the name of the StatefulSet, of its Service and of its ServiceAccount.
    `advertise` is the argument that tells the agent its address.
    """

    component: str
    service: str
    replicas: int
    resources: Resources
    config_file: str
    command: list[str]
    startup: ProbeArgsDict
    readiness: ProbeArgsDict
    liveness: ProbeArgsDict
    ports: list[ContainerPortArgsDict]
    data: VolumeMountArgsDict
    advertise: str
    tls: VolumeArgsDict
    acl: Acl | None
    acl_file: str
    token_files: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str])
    mounts: list[VolumeMountArgsDict] = field(default_factory=list[VolumeMountArgsDict])
    projections: list[VolumeProjectionArgsDict] = field(default_factory=list[VolumeProjectionArgsDict])
    volumes: list[VolumeArgsDict] = field(default_factory=list[VolumeArgsDict])
    claims: list[PersistentVolumeClaimArgsDict] = field(default_factory=list[PersistentVolumeClaimArgsDict])
    min_ready_seconds: int = 0
    max_unavailable: str = ONE_AT_A_TIME
    lifecycle: LifecycleArgsDict = field(default_factory=LifecycleArgsDict)


def pod_template(settings: Settings, files: AgentFiles, role: Role, labels: dict[str, str]) -> PodTemplateSpecArgsDict:
    """Return the template of a role's pods; `labels` select them."""
    spread: TopologySpreadConstraintArgsDict = {
        "max_skew": 1,
        "topology_key": "kubernetes.io/hostname",
        "when_unsatisfiable": "DoNotSchedule" if settings.production else "ScheduleAnyway",
        # Ignore tainted nodes when computing skew, so a dead node does not block scheduling.
        "node_taints_policy": "Honor",
        "label_selector": {"match_labels": labels},
    }
    if settings.production and role.component == SERVER:
        spread["min_domains"] = _MIN_SERVER_NODES
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


def _container(settings: Settings, role: Role) -> ContainerArgsDict:
    keyring = {"KEYRING": agent_config.KEYRING, "AGENT_KEYRING": agent_config.AGENT_KEYRING}
    environment = keyring | token_environment(role.acl) | role.environment
    container: ContainerArgsDict = {
        "name": "consul",
        "image": settings.image,
        "command": role.command,
        "args": [
            f"-config-dir={agent_config.CONFIG_DIR}",
            "-bind=$(POD_IP)",
            "-client=127.0.0.1 $(POD_IP)",
            role.advertise,
        ],
        "env": [
            {"name": "POD_NAME", "value_from": {"field_ref": {"field_path": "metadata.name"}}},
            {"name": "POD_IP", "value_from": {"field_ref": {"field_path": "status.podIP"}}},
            *({"name": key, "value": value} for key, value in environment.items()),
        ],
        "ports": [*_PORTS, *role.ports],
        "resources": requirements(role.resources),
        "startup_probe": role.startup,
        "readiness_probe": role.readiness,
        "liveness_probe": {**role.liveness, "period_seconds": 10, "failure_threshold": 6},
        "security_context": CONTAINER_SECURITY,
        "volume_mounts": [
            role.data,
            {"name": "config", "mount_path": agent_config.CONFIG_DIR, "read_only": True},
            GOSSIP_MOUNT,
            TLS_MOUNT,
            *token_mounts(role.acl),
            *role.mounts,
            # Servers write a snapshot to /tmp before they send it.
            {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - a volume of the pod's own
        ],
    }
    if role.lifecycle:
        container["lifecycle"] = role.lifecycle
    return container


def _volumes(files: AgentFiles, role: Role) -> list[VolumeArgsDict]:
    config: list[VolumeProjectionArgsDict] = [
        {
            "config_map": {
                "name": files.config.metadata.name,
                "items": [{"key": role.config_file, "path": role.config_file}],
            }
        },
        *role.projections,
    ]
    if role.acl:
        tokens: SecretProjectionArgsDict = {
            "name": role.acl.agents,
            "items": [{"key": role.acl_file, "path": agent_config.ACL_FILE}],
        }
        config.append({"secret": tokens})
    return [
        {"name": "config", "projected": {"sources": config, "default_mode": FILE_MODE}},
        gossip_volume(files.gossip_secret),
        role.tls,
        *token_volumes(role.acl, role.component, *role.token_files),
        {"name": "tmp", "empty_dir": {}},
        *role.volumes,
    ]
