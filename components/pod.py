"""What every pod of a cluster has in common: who it runs as, what it may do, which files it gets."""

from pulumi_kubernetes.core.v1 import (
    PodSecurityContextArgsDict,
    ResourceRequirementsArgsDict,
    SecurityContextArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from components.agent_config import CA_CERTIFICATE, TLS_DIR
from components.agent_files import AgentFiles
from components.settings import ResourceAmounts, Resources

# The user and group of the official image (docker-library/consul, Dockerfile).
_CONSUL_USER = 100
_CONSUL_GROUP = 1000

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
POD_SECURITY: PodSecurityContextArgsDict = {
    "run_as_non_root": True,
    "run_as_user": _CONSUL_USER,
    "run_as_group": _CONSUL_GROUP,
    "fs_group": _CONSUL_GROUP,
    "fs_group_change_policy": "OnRootMismatch",
    "seccomp_profile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: SecurityContextArgsDict = {
    "allow_privilege_escalation": False,
    "read_only_root_filesystem": True,
    "capabilities": {"drop": ["ALL"]},
}

TLS_MOUNT: VolumeMountArgsDict = {"name": "tls", "mount_path": TLS_DIR, "read_only": True}

# Readable by the files' group, which is the pod's fsGroup, and by nobody else.
FILE_MODE = 0o440


def tls_volume(files: AgentFiles, *keys: str) -> VolumeArgsDict:
    """The CA's certificate, and what else of the Secret is named; a pod gets no key that it does not use."""
    return {
        "name": TLS_MOUNT["name"],
        "secret": {
            "secret_name": files.credentials.metadata.name,
            "default_mode": FILE_MODE,
            "items": [{"key": key, "path": key} for key in (CA_CERTIFICATE, *keys)],
        },
    }


def requirements(resources: Resources) -> ResourceRequirementsArgsDict:
    """Resource requests and limits as Kubernetes has them: amounts by name, none that is not set."""

    def amounts(of: ResourceAmounts) -> dict[str, str]:
        return of.model_dump(exclude_none=True)

    return {"requests": amounts(resources.requests), "limits": amounts(resources.limits)}
