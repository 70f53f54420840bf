"""The Job that creates the ACL policies and tokens. Only pods inside the cluster can reach Consul's API."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job

from components.acl.objects import Acl
from components.agents.agent_config import ACL_DIR, MANAGEMENT_TOKEN, servers_url
from components.agents.agent_files import AgentFiles
from components.agents.stateful_sets import NEW_SERVERS_MINUTES
from components.cluster import Cluster
from components.kubernetes.job import JOB_MINUTES, RELOAD_MINUTES, Script, create_job
from components.kubernetes.pod import FILE_MODE

# Servers with expired certificates answer no call, so wait until they have reloaded, and two minutes more.
_MINUTES = RELOAD_MINUTES + 2


def create_acl_job(cluster: Cluster, files: AgentFiles, acl: Acl, opts: pulumi.ResourceOptions) -> Job:
    """Create the Job. It waits for a server that knows a leader. Agents retry until their tokens exist.

    Except at a stack's first update, `opts` must make it depend on the servers: when ACLs are enabled on a running
    cluster, they work only after the last server has restarted.
    """
    script = Script(
        [Path(__file__).with_name("scripts") / "apply_acls.sh"],
        {
            "ACL_DIR": ACL_DIR,
            "CONSUL_HTTP_ADDR": servers_url(cluster.naming),
            "CONSUL_HTTP_TOKEN_FILE": f"{ACL_DIR}/tokens/{MANAGEMENT_TOKEN}",
            # At a stack's first update, the servers start beside the Job.
            "SERVERS_TIMEOUT": str(NEW_SERVERS_MINUTES * 60),
        },
        _MINUTES * 60,
        minutes=NEW_SERVERS_MINUTES + JOB_MINUTES + RELOAD_MINUTES,
        volumes=[
            {"name": "tokens", "secret": {"secret_name": acl.job.metadata.name, "default_mode": FILE_MODE}},
            {"name": "policies", "config_map": {"name": acl.policies.metadata.name}},
        ],
        mounts=[
            {"name": "tokens", "mount_path": f"{ACL_DIR}/tokens", "read_only": True},
            {"name": "policies", "mount_path": f"{ACL_DIR}/policies", "read_only": True},
        ],
    )
    return create_job(cluster.naming.acl, cluster, files, script, opts)
