"""What all pods of a cluster have in common: user, security context, scheduling, and the volumes with their files."""

import pulumi
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    KeyToPathArgsDict,
    PodSecurityContextArgsDict,
    PodSpecArgsDict,
    ResourceRequirementsArgsDict,
    SecretVolumeSourceArgsDict,
    SecurityContextArgsDict,
    TolerationArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from components.acl.objects import TOKEN_FILES, Acl
from components.agents.agent_config import (
    ACL_DIR,
    CA_CERTIFICATE,
    GOSSIP_DIR,
    MANAGEMENT_DIR,
    MANAGEMENT_TOKEN,
    TLS_DIR,
)
from components.settings import ResourceAmounts, Resources, Settings, Toleration

# A user ID above 10000 collides with no user of the node (checkov CKV_K8S_40). The pod can run without the image's own
# user, 100, because its files belong to the pod's group.
_USER = 10100
_GROUP = 10100

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
_POD_SECURITY: PodSecurityContextArgsDict = {
    "run_as_non_root": True,
    "run_as_user": _USER,
    "run_as_group": _GROUP,
    "fs_group": _GROUP,
    "fs_group_change_policy": "OnRootMismatch",
    "seccomp_profile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: SecurityContextArgsDict = {
    "allow_privilege_escalation": False,
    "read_only_root_filesystem": True,
    "capabilities": {"drop": ["ALL"]},
}

GOSSIP_MOUNT: VolumeMountArgsDict = {"name": "gossip", "mount_path": GOSSIP_DIR, "read_only": True}
MANAGEMENT_MOUNT: VolumeMountArgsDict = {"name": "management", "mount_path": MANAGEMENT_DIR, "read_only": True}
TLS_MOUNT: VolumeMountArgsDict = {"name": "tls", "mount_path": TLS_DIR, "read_only": True}

# Readable by the owner and by the group, which is the pod's fsGroup.
FILE_MODE = 0o440

# The file with the pod's own token. CONSUL_HTTP_TOKEN_FILE has its path, so `consul` commands in the pod need no flag.
_TOKEN = "token"  # noqa: S105 - a file's name


def pod_spec(
    settings: Settings, service_account: str, container: ContainerArgsDict, volumes: list[VolumeArgsDict]
) -> PodSpecArgsDict:
    """Return the spec of a pod with one container, without access to Kubernetes' API."""
    spec: PodSpecArgsDict = {
        "containers": [container],
        "volumes": volumes,
        "service_account_name": service_account,
        "automount_service_account_token": False,
        # Kubernetes would set variables such as CONSUL_PORT for each Service, and the consul CLI reads CONSUL_*.
        "enable_service_links": False,
        "security_context": _POD_SECURITY,
    }
    if settings.priority_class:
        spec["priority_class_name"] = settings.priority_class
    if settings.node_selector:
        spec["node_selector"] = settings.node_selector
    if settings.tolerations:
        spec["tolerations"] = [_toleration(toleration) for toleration in settings.tolerations]
    return spec


def _toleration(toleration: Toleration) -> TolerationArgsDict:
    return TolerationArgsDict(**toleration.model_dump(exclude_none=True))


def tls_volume(secret: pulumi.Output[str], *keys: str) -> VolumeArgsDict:
    """Return a volume with the CA certificate and the given keys of the Secret with this name, and no other key."""
    return {
        "name": TLS_MOUNT["name"],
        "secret": {
            "secret_name": secret,
            "default_mode": FILE_MODE,
            "items": [{"key": key, "path": key} for key in (CA_CERTIFICATE, *keys)],
        },
    }


def gossip_volume(secret: str) -> VolumeArgsDict:
    """Return a volume with the gossip keys, which are in the Secret with this name."""
    return {"name": GOSSIP_MOUNT["name"], "secret": {"secret_name": secret, "default_mode": FILE_MODE}}


def token_volumes(acl: Acl | None, role: str, *keys: str) -> list[VolumeArgsDict]:
    """Return a volume with the role's token and the given keys of the Secret; no volume if ACLs are disabled."""
    if acl is None:
        return []
    items: list[KeyToPathArgsDict] = [
        {"key": TOKEN_FILES[role], "path": _TOKEN},
        *({"key": key, "path": key} for key in keys),
    ]
    secret: SecretVolumeSourceArgsDict = {
        "secret_name": acl.agents,
        "default_mode": FILE_MODE,
        "items": items,
    }
    return [{"name": "acl", "secret": secret}]


def token_mounts(acl: Acl | None) -> list[VolumeMountArgsDict]:
    """Return the mount of the volume that `token_volumes` returns; none if ACLs are disabled."""
    return [{"name": "acl", "mount_path": ACL_DIR, "read_only": True}] if acl else []


def token_environment(acl: Acl | None) -> dict[str, str]:
    """Return the environment variable that tells `consul` where the pod's token is; none if ACLs are disabled."""
    return {"CONSUL_HTTP_TOKEN_FILE": f"{ACL_DIR}/{_TOKEN}"} if acl else {}


def management_environment(acl: Acl | None) -> dict[str, str]:
    """Return the environment variable with the path of the management token, which exists before the ACL Job runs."""
    return {"MANAGEMENT_TOKEN_FILE": f"{ACL_DIR}/{MANAGEMENT_TOKEN}"} if acl else {}


def management_volume(acl: Acl) -> VolumeArgsDict:
    """Return a volume with the management tokens of all generations, mounted by MANAGEMENT_MOUNT."""
    secret: SecretVolumeSourceArgsDict = {"secret_name": acl.management.metadata.name, "default_mode": FILE_MODE}
    return {"name": MANAGEMENT_MOUNT["name"], "secret": secret}


def requirements(resources: Resources) -> ResourceRequirementsArgsDict:
    """Return Kubernetes resource requests and limits; amounts that are not set are left out."""

    def amounts(of: ResourceAmounts) -> dict[str, str]:
        return {name.replace("_", "-"): amount for name, amount in of.model_dump(exclude_none=True).items()}

    return {"requests": amounts(resources.requests), "limits": amounts(resources.limits)}
