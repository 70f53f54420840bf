"""The ACLs inside the cluster: made by a Job, since that is where Consul can be called."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job

from components.acl.objects import Acl
from components.agents.agent_config import ACL_DIR, MANAGEMENT_TOKEN
from components.agents.agent_files import AgentFiles
from components.kubernetes.job import Script, create_job
from components.kubernetes.pod import FILE_MODE
from components.naming import Naming
from components.settings import Settings

# Servers that get their ACLs while they run have them when the last of them has been rolled.
_TIMEOUT_SECONDS = 540


def create_acl_job(
    naming: Naming,
    settings: Settings,
    namespace: pulumi.Input[str],
    files: AgentFiles,
    acl: Acl,
    opts: pulumi.ResourceOptions,
) -> Job:
    """A Job that makes the policies and tokens as soon as there is a leader; agents wait for theirs meanwhile."""
    script = Script(
        Path(__file__).with_name("scripts") / "apply_acls.sh",
        {"ACL_DIR": ACL_DIR, "CONSUL_HTTP_TOKEN_FILE": f"{ACL_DIR}/tokens/{MANAGEMENT_TOKEN}"},
        _TIMEOUT_SECONDS,
        volumes=[
            {"name": "tokens", "secret": {"secret_name": acl.job.metadata.name, "default_mode": FILE_MODE}},
            {"name": "policies", "config_map": {"name": acl.policies.metadata.name}},
        ],
        mounts=[
            {"name": "tokens", "mount_path": f"{ACL_DIR}/tokens", "read_only": True},
            {"name": "policies", "mount_path": f"{ACL_DIR}/policies", "read_only": True},
        ],
    )
    return create_job(naming.acl, naming, settings, namespace, files, script, opts)
