"""A check that is part of the graph: `pulumi up` succeeds only where the cluster it made is healthy."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job

from components.acl.objects import Acl
from components.agents.agent_files import AgentFiles
from components.agents.stateful_sets import Agents
from components.kubernetes.job import Script, create_job
from components.kubernetes.pod import token_environment, token_mounts, token_volumes
from components.naming import Naming
from components.settings import Settings

# Autopilot lets a new server vote after 10 s of good health, and looks every 10 s.
_TIMEOUT_SECONDS = 60


def create_health_check(
    naming: Naming,
    settings: Settings,
    namespace: pulumi.Input[str],
    files: AgentFiles,
    acl: Acl | None,
    agents: Agents,
    opts: pulumi.ResourceOptions,
) -> Job:
    """A Job that fails unless exactly the declared agents are alive, with one leader and every server a voter."""
    servers = naming.servers(settings.server_replicas)
    clients = naming.client_pods(settings.client_replicas)
    members = [f"server:{name}" for name in servers] + [f"client:{name}" for name in clients]
    script = Script(
        Path(__file__).with_name("scripts") / "check_health.sh",
        {
            "MEMBERS": " ".join(members),
            "SERVERS": " ".join(servers),
            "QUORUM_OF": str(len(servers)),
            "REVISION": agents.revision,
            **token_environment(acl),
        },
        _TIMEOUT_SECONDS,
        volumes=token_volumes(acl, "health"),
        mounts=token_mounts(acl),
    )
    depends_on = pulumi.ResourceOptions(depends_on=[agents.servers, agents.clients])
    opts = pulumi.ResourceOptions.merge(opts, depends_on)
    return create_job(naming.health, naming, settings, namespace, files, script, opts)
