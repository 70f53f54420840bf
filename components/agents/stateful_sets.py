"""The StatefulSets of Consul servers and clients. How agents start, restart and leave: README.md beside this file."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgsDict
from pulumi_kubernetes.apps.v1.outputs import StatefulSetSpec
from pulumi_kubernetes.core.v1 import VolumeMountArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.acl.objects import CLIENT_ACL, SERVER_ACL, Acl
from components.agents import agent_config
from components.agents.agent_files import AgentFiles
from components.agents.pod_template import (
    CLIENT_ANSWERS,
    HAS_LEADER,
    HAS_SERVER,
    ONE_AT_A_TIME,
    STOP_SECONDS,
    Role,
    pod_template,
)
from components.cluster import Cluster
from components.identity import CLIENT, SERVER
from components.kubernetes.annotations import PATCH_FORCE
from components.kubernetes.lint_waivers import waivers
from components.kubernetes.pod import management_environment, tls_volume
from components.kubernetes.protection import protected
from components.kubernetes.scripts import read_script
from components.settings import Settings
from components.storage import Storage

SCRIPTS = Path(__file__).with_name("scripts")
_STOP = read_script(SCRIPTS / "servers.sh", SCRIPTS / "stop.sh")
_VOTE = read_script(SCRIPTS / "vote.sh")
_ALIVE = read_script(SCRIPTS / "alive.sh")
_START_SERVER = read_script(SCRIPTS / "keyring.sh", SCRIPTS / "start_server.sh")
_START_CLIENT = read_script(SCRIPTS / "keyring.sh", SCRIPTS / "start_client.sh")

# 30 minutes at one probe a second, or 90 if each runs into its time-out, as without a leader: do not restart a server
# while it installs a large snapshot from the leader.
_VOTE_PROBES = 1800
_VOTE_TIMEOUT_SECONDS = 3

# More than the script gives the agent for its answer.
_ALIVE_TIMEOUT_SECONDS = 5

# Kubernetes creates this file anew with each container, https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
_TERMINATION_LOG = "/dev/termination-log"

# The container's command becomes the agent (start_server.sh).
_AGENT_PID = "1"

# 30 minutes at one probe a second: restart only a client that hangs, because it waits for the servers by itself
# (start_client.sh). Kubernetes delays the restart of a container only if it was restarted within the last 10 minutes.
_START_PROBES = 1800

# How long `pulumi up` waits for a StatefulSet: Pulumi's default of 10 minutes, and more for each pod, because a rolling
# update takes one after the other. A server may wait STOP_SECONDS and then load a large snapshot. A new StatefulSet
# starts all pods at once.
_WAIT_MINUTES = 10
_MINUTES_PER_SERVER = 3
_MINUTES_PER_CLIENT = 1
NEW_SERVERS_MINUTES = _WAIT_MINUTES + _MINUTES_PER_SERVER

_IGNORED = (
    "clientMaxUnavailable is ignored, and every preview shows it as a change: the feature gate "
    "MaxUnavailableStatefulSet of this Kubernetes cluster is off. Enable it in kube-apiserver and "
    "kube-controller-manager, or remove the setting"
)


@dataclass(frozen=True)
class AgentSpecs:
    """The specs of the two StatefulSets."""

    servers: StatefulSetSpecArgsDict
    clients: StatefulSetSpecArgsDict


def revision(*specs: StatefulSetSpecArgsDict) -> pulumi.Output[str]:
    """Return a hash (16 hex digits) of StatefulSets' specs."""
    return pulumi.Output.json_dumps(list(specs), sort_keys=True).apply(
        lambda text: hashlib.sha256(text.encode()).hexdigest()[:16]
    )


def agent_specs(cluster: Cluster, files: AgentFiles, storage: Storage, acl: Acl | None) -> AgentSpecs:
    """Return the specs: servers with one persistent volume each, clients with an emptyDir."""
    naming, settings = cluster.naming, cluster.settings
    servers_url = agent_config.servers_url(naming)
    ca_file = f"{agent_config.TLS_DIR}/{agent_config.CA_CERTIFICATE}"
    data: VolumeMountArgsDict = {"name": storage.name, "mount_path": agent_config.DATA_DIR}
    limits = (str(STOP_SECONDS), str(agent_config.election_seconds(settings)))
    servers = Role(
        component=SERVER,
        service=naming.name,
        replicas=settings.server_replicas,
        resources=settings.server_resources,
        config_file=agent_config.SERVER_FILE,
        command=_shell(_START_SERVER, "start"),
        startup={
            "exec_": {"command": _shell(_VOTE)},
            "period_seconds": 1,
            "timeout_seconds": _VOTE_TIMEOUT_SECONDS,
            "failure_threshold": _VOTE_PROBES,
        },
        readiness=HAS_LEADER,
        liveness={
            "exec_": {
                "command": _shell(
                    _ALIVE, "alive", agent_config.OWN_URL, agent_config.LOG_DIR, _TERMINATION_LOG, _AGENT_PID
                )
            },
            "timeout_seconds": _ALIVE_TIMEOUT_SECONDS,
        },
        ports=[{"name": "rpc", "container_port": agent_config.SERVER_RPC_PORT}],
        data={**data, "sub_path_expr": storage.sub_path} if storage.sub_path else data,
        advertise=f"-config-file={agent_config.ADDRESS_DIR}/$(POD_NAME).json",
        tls=tls_volume(files.server_secret, agent_config.SERVER_CERTIFICATE, agent_config.SERVER_PRIVATE_KEY),
        acl=acl,
        acl_file=SERVER_ACL,
        token_files=(agent_config.MANAGEMENT_TOKEN,),
        environment={
            "SERVERS": servers_url,
            "CA_FILE": ca_file,
            "VOTER_FILE": agent_config.VOTER_FILE,
            "NODE_ID_FILE": agent_config.NODE_ID_FILE,
            "FORMED_FILE": f"{agent_config.CONFIG_DIR}/{agent_config.FORMED_FILE}",
            **management_environment(acl),
            **_management_generation(settings, acl),
        },
        mounts=[{"name": "addresses", "mount_path": agent_config.ADDRESS_DIR, "read_only": True}],
        projections=[
            {"config_map": {"name": naming.bootstrap}},
            {"config_map": {"name": naming.formed, "optional": True}},
        ],
        volumes=[{"name": "addresses", "config_map": {"name": naming.addresses}}],
        claims=[storage.claim],
        lifecycle={"pre_stop": {"exec_": {"command": _shell(_STOP, "stop", *limits, agent_config.OWN_URL)}}},
    )
    clients = Role(
        component=CLIENT,
        service=naming.clients,
        replicas=settings.client_replicas,
        resources=settings.client_resources,
        config_file=agent_config.CLIENT_FILE,
        command=_shell(_START_CLIENT, "start"),
        startup={**CLIENT_ANSWERS, "period_seconds": 1, "failure_threshold": _START_PROBES},
        readiness=HAS_SERVER,
        liveness=CLIENT_ANSWERS,
        ports=[],
        data={"name": "data", "mount_path": agent_config.DATA_DIR},
        advertise="-advertise=$(POD_IP)",
        tls=tls_volume(files.client_secret, agent_config.CLIENT_CERTIFICATE, agent_config.CLIENT_PRIVATE_KEY),
        acl=acl,
        acl_file=CLIENT_ACL,
        environment={
            "SERVERS": servers_url,
            "JOIN_URL": agent_config.join_url(naming),
            "CA_FILE": ca_file,
            **cluster.history.environment,
            **_removed_cas(cluster),
        },
        volumes=[{"name": "data", "empty_dir": {}}],
        min_ready_seconds=settings.client_min_ready_seconds,
        max_unavailable=settings.client_max_unavailable,
    )
    return AgentSpecs(_spec(cluster, files, servers), _spec(cluster, files, clients))


def _management_generation(settings: Settings, acl: Acl | None) -> dict[str, str]:
    """Return an environment variable whose change restarts the servers, which do not reload the management token."""
    return {"MANAGEMENT_TOKEN_GENERATION": str(settings.management_keys[0])} if acl else {}


def _removed_cas(cluster: Cluster) -> dict[str, str]:
    """Return an environment variable whose change restarts the clients after servers have stopped trusting a CA.

    When a client starts, a server tells it the CAs that the server trusts (ManualCARoots in Consul's
    agent/consul/auto_encrypt_endpoint.go). The client trusts them, in addition to those in its file, until it restarts.
    So it restarts in the update after the one that removed the CA.
    """
    removed = cluster.history.removed_cas
    return {"REMOVED_CAS": str(removed)} if removed else {}


def _shell(script: str, *arguments: str) -> list[str]:
    """Return the command that runs a script; the first of the arguments is its $0."""
    return ["sh", "-c", script, *arguments]


def create_servers(cluster: Cluster, spec: StatefulSetSpecArgsDict, opts: pulumi.ResourceOptions) -> StatefulSet:
    """Create the servers' StatefulSet."""
    if cluster.history.starts_over and pulumi.runtime.is_dry_run():
        # The preview of a replacement asks the API server whether it would take the new spec, but the old StatefulSet
        # is still there, so the answer is no. Pulumi does not ask if a value is unknown.
        spec = {**spec, "service_name": cast("Any", pulumi.UNKNOWN)}
    limits = pulumi.CustomTimeouts(
        create=f"{NEW_SERVERS_MINUTES}m", update=f"{server_minutes(cluster.settings.server_replicas)}m"
    )
    return _stateful_set(cluster, cluster.naming.name, SERVER, spec, limits, opts)


def server_minutes(servers: int) -> int:
    """Return how many minutes `pulumi up` waits for so many servers that start one after the other."""
    return _WAIT_MINUTES + servers * _MINUTES_PER_SERVER


def create_clients(cluster: Cluster, spec: StatefulSetSpecArgsDict, opts: pulumi.ResourceOptions) -> StatefulSet:
    """Create the clients' StatefulSet."""
    settings = cluster.settings
    limit = f"{client_minutes(settings)}m"
    limits = pulumi.CustomTimeouts(create=limit, update=limit)
    clients = _stateful_set(cluster, cluster.naming.clients, CLIENT, spec, limits, opts)
    clients.spec.apply(lambda live: pulumi.warn(_IGNORED, clients) if is_ignored(settings, live) else None)
    return clients


def client_minutes(settings: Settings) -> int:
    """Return how many minutes `pulumi up` waits for the clients."""
    per_client = _MINUTES_PER_CLIENT + math.ceil(settings.client_min_ready_seconds / 60)
    return _WAIT_MINUTES + settings.client_replicas * per_client


def is_ignored(settings: Settings, live: StatefulSetSpec) -> bool:
    """Return whether Kubernetes has dropped client_max_unavailable from the StatefulSet: it needs a feature gate."""
    if settings.client_max_unavailable == ONE_AT_A_TIME:
        return False
    rolling_update = live.update_strategy.rolling_update if live.update_strategy else None
    return rolling_update is None or rolling_update.max_unavailable is None


def _stateful_set(
    cluster: Cluster,
    name: str,
    component: str,
    spec: StatefulSetSpecArgsDict,
    limits: pulumi.CustomTimeouts,
    opts: pulumi.ResourceOptions,
) -> StatefulSet:
    annotations = {**PATCH_FORCE, **waivers(cluster.settings)}
    metadata: ObjectMetaArgsDict = {**cluster.metadata(name, component), "annotations": annotations}
    opts = pulumi.ResourceOptions.merge(
        protected(opts, when=cluster.history.protects_data(cluster.settings)),
        pulumi.ResourceOptions(custom_timeouts=limits),
    )
    return StatefulSet(name, metadata=metadata, spec=spec, opts=opts)


def _spec(cluster: Cluster, files: AgentFiles, role: Role) -> StatefulSetSpecArgsDict:
    settings = cluster.settings
    labels = cluster.naming.labels(role.component)
    spec: StatefulSetSpecArgsDict = {
        "service_name": role.service,
        "replicas": role.replicas,
        "selector": {"match_labels": labels},
        # Start all pods at once: none is ready before a majority runs. This does not apply to rolling updates.
        "pod_management_policy": "Parallel",
        "min_ready_seconds": role.min_ready_seconds,
        # A StorageClass may delete the volume with its claim, and Kubernetes gives a released volume to no new claim.
        "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Retain"},
        "template": pod_template(settings, files, role, labels),
        "volume_claim_templates": role.claims,
    }
    # One at a time is Kubernetes' default. Without its feature gate, Kubernetes drops the field.
    if role.max_unavailable != ONE_AT_A_TIME:
        limit = int(role.max_unavailable) if role.max_unavailable.isdecimal() else role.max_unavailable
        spec["update_strategy"] = {"type": "RollingUpdate", "rolling_update": {"max_unavailable": limit}}
    return spec
