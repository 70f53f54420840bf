"""The health check: `pulumi up` succeeds only if this Job succeeds."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job

from components.acl.objects import Acl
from components.agents.agent_files import AgentFiles
from components.cluster import Cluster
from components.identity import CLIENT, HEALTH, SERVER
from components.kubernetes.job import Script, create_job
from components.kubernetes.pod import token_environment, token_mounts, token_volumes

# Autopilot checks every 10 s, and lets a new server vote after 10 s of stable health (server_stabilization_time). A
# client whose old pod could not leave is a member again about a minute later (components/agents/README.md, Restart).
_TIMEOUT_SECONDS = 120


def create_health_check(
    cluster: Cluster, files: AgentFiles, acl: Acl | None, revision: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> Job:
    """Create a Job that fails unless exactly the declared agents are alive, one server leads and all servers vote.

    A changed `revision`, the hash of the agents' specs, runs it again. `opts` must make it depend on the agents.
    """
    naming, settings = cluster.naming, cluster.settings
    servers = naming.servers(settings.server_replicas)
    clients = naming.client_pods(settings.client_replicas)
    members = [f"{SERVER}:{name}" for name in servers] + [f"{CLIENT}:{name}" for name in clients]
    script = Script(
        [Path(__file__).with_name("scripts") / "check_health.sh"],
        {
            "MEMBERS": " ".join(members),
            "SERVERS": " ".join(servers),
            "REVISION": revision,
            **token_environment(acl),
        },
        _TIMEOUT_SECONDS,
        volumes=token_volumes(acl, HEALTH),
        mounts=token_mounts(acl),
    )
    return create_job(naming.health, cluster, files, script, opts)
