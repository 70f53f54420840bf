"""A check that is part of the graph: `pulumi up` succeeds only where the cluster it made is healthy."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict

from components.agent_config import CA_CERTIFICATE, HTTPS_PORT, TLS_DIR
from components.agent_files import AgentFiles
from components.agents import Agents
from components.naming import Naming
from components.pod import CONTAINER_SECURITY, POD_SECURITY, TLS_MOUNT, requirements, tls_volume
from components.settings import Settings

_SCRIPT = Path(__file__).with_suffix(".sh").read_text()

# Autopilot lets a new server vote after 10 s of good health, and looks every 10 s.
_TIMEOUT_SECONDS = 60


def create_health_check(
    naming: Naming,
    settings: Settings,
    namespace: pulumi.Input[str],
    files: AgentFiles,
    agents: Agents,
    opts: pulumi.ResourceOptions,
) -> Job:
    """A Job that fails unless exactly the declared agents are alive, with one leader and every server a voter.

    A Job's template cannot change, so a new revision of the agents makes a new Job.
    """
    servers = naming.servers(settings.server_replicas)
    clients = naming.client_pods(settings.client_replicas)
    members = [f"server:{name}" for name in servers] + [f"client:{name}" for name in clients]
    environment: dict[str, pulumi.Input[str]] = {
        "CONSUL_HTTP_ADDR": f"https://{naming.host(naming.ui_service)}:{HTTPS_PORT}",
        "CONSUL_CACERT": f"{TLS_DIR}/{CA_CERTIFICATE}",
        "MEMBERS": " ".join(members),
        "SERVERS": " ".join(servers),
        "QUORUM_OF": str(len(servers)),
        "TIMEOUT": str(_TIMEOUT_SECONDS),
        "REVISION": agents.revision,
    }
    # Of another name than the agents, or their DNS Service would take this pod for one.
    labels = naming.labels() | {"app.kubernetes.io/name": "consul-health"}
    container: ContainerArgsDict = {
        "name": "health",
        "image": settings.image,
        "command": ["sh", "-c", _SCRIPT],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        # What the script said last becomes the message of a failed `pulumi up`.
        "termination_message_policy": "FallbackToLogsOnError",
        "resources": requirements(settings.client_resources),
        "security_context": CONTAINER_SECURITY,
        "volume_mounts": [TLS_MOUNT],
    }
    pod: PodSpecArgsDict = {
        "restart_policy": "Never",
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": POD_SECURITY,
        "containers": [container],
        "volumes": [tls_volume(files)],
    }
    return Job(
        f"{naming.name}-health",
        metadata={
            "namespace": namespace,
            "labels": labels,
            # A check that failed is made again by the next `up`, also where nothing else has changed.
            "annotations": {"pulumi.com/replaceUnready": "true"},
        },
        # The script itself tries again, so what it says at its end is the answer.
        spec={"backoff_limit": 0, "template": {"metadata": {"labels": labels}, "spec": pod}},
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[agents.servers, agents.clients])),
    )
