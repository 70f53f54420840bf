"""The Job that creates the ACL policies and tokens. Only pods inside the cluster can reach Consul's API."""

from collections.abc import Sequence
from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job

from components.acl.objects import Acl
from components.acl.tokens import INITIAL_MANAGEMENT
from components.agents.agent_config import ACL_DIR, MANAGEMENT_DIR, servers_url
from components.agents.agent_files import AgentFiles
from components.agents.stateful_sets import NEW_SERVERS_MINUTES
from components.cluster import Cluster
from components.kubernetes.job import JOB_MINUTES, RELOAD_MINUTES, Script, create_job, run_of
from components.kubernetes.pod import FILE_MODE, MANAGEMENT_MOUNT, management_volume
from components.parallelism import known_after

SCRIPTS = Path(__file__).with_name("scripts")

# Servers with expired certificates answer no call, so wait until they have reloaded, and two minutes more.
_MINUTES = RELOAD_MINUTES + 2


def create_acl_job(
    cluster: Cluster,
    files: AgentFiles,
    acl: Acl,
    preflight: Job,
    after: Sequence[pulumi.CustomResource],
    opts: pulumi.ResourceOptions,
) -> Job:
    """Create the Job. It waits for a server that knows a leader. Agents retry until their tokens exist.

    It runs again after each run of the pre-flight check, so it creates lost tokens again. It waits for the resources
    `after`: the servers, because ACLs that this update enables work only after the last server has restarted. At a
    stack's first update, and when tokens rotate, it does not wait for the servers.
    """
    script = Script(
        [SCRIPTS / "management_token.sh", SCRIPTS / "apply_acls.sh"],
        {
            "ACL_DIR": ACL_DIR,
            "MANAGEMENT_DIR": MANAGEMENT_DIR,
            "CONSUL_HTTP_ADDR": servers_url(cluster.naming),
            "INITIAL_MANAGEMENT": INITIAL_MANAGEMENT,
            "PREFLIGHT": known_after(after, run_of(preflight)),
            # At a stack's first update, the servers start beside the Job.
            "SERVERS_TIMEOUT": str(NEW_SERVERS_MINUTES * 60),
        },
        _MINUTES * 60,
        minutes=NEW_SERVERS_MINUTES + JOB_MINUTES + RELOAD_MINUTES,
        volumes=[
            management_volume(acl),
            {"name": "tokens", "secret": {"secret_name": acl.job.metadata.name, "default_mode": FILE_MODE}},
            {"name": "policies", "config_map": {"name": acl.policies.metadata.name}},
        ],
        mounts=[
            MANAGEMENT_MOUNT,
            {"name": "tokens", "mount_path": f"{ACL_DIR}/tokens", "read_only": True},
            {"name": "policies", "mount_path": f"{ACL_DIR}/policies", "read_only": True},
        ],
    )
    return create_job(cluster.naming.acl, cluster, files, script, opts)
