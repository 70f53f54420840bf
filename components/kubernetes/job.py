"""A Job of the cluster: a script that runs to its end once for each change of what it depends on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, VolumeArgsDict, VolumeMountArgsDict

from components.agents.agent_config import CA_CERTIFICATE, HTTPS_PORT, TLS_DIR
from components.agents.agent_files import AgentFiles
from components.kubernetes.lint_waivers import pod_exceptions
from components.kubernetes.pod import CONTAINER_SECURITY, TLS_MOUNT, pod_spec, requirements, tls_volume
from components.kubernetes.scripts import read_script
from components.naming import Naming
from components.settings import Settings


@dataclass(frozen=True)
class Script:
    """A shell script that calls the servers, and what it needs beside the CA's certificate."""

    path: Path
    environment: Mapping[str, pulumi.Input[str]]
    timeout_seconds: int
    volumes: Sequence[VolumeArgsDict] = field(default_factory=list[VolumeArgsDict])
    mounts: Sequence[VolumeMountArgsDict] = field(default_factory=list[VolumeMountArgsDict])


def create_job(
    name: str,
    naming: Naming,
    settings: Settings,
    namespace: pulumi.Input[str],
    files: AgentFiles,
    script: Script,
    opts: pulumi.ResourceOptions,
) -> Job:
    """A Job under a ServiceAccount of its own name; a failed one is made again by the next `up`.

    A Job's template cannot change, so that any change of the script's environment or files makes a new Job.
    """
    environment: dict[str, pulumi.Input[str]] = {
        # This Service has those servers, too, that are not ready yet.
        "CONSUL_HTTP_ADDR": f"https://{naming.host(naming.name)}:{HTTPS_PORT}",
        "CONSUL_CACERT": f"{TLS_DIR}/{CA_CERTIFICATE}",
        "TIMEOUT": str(script.timeout_seconds),
        **script.environment,
    }
    labels = naming.job_labels(name)
    container: ContainerArgsDict = {
        "name": "script",
        "image": settings.image,
        "command": ["sh", "-c", read_script(script.path)],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        # What the script said last becomes the message of a failed `pulumi up`.
        "termination_message_policy": "FallbackToLogsOnError",
        "resources": requirements(settings.client_resources),
        "security_context": CONTAINER_SECURITY,
        "volume_mounts": [TLS_MOUNT, *script.mounts],
    }
    pod: PodSpecArgsDict = {
        **pod_spec(settings, name, container, [tls_volume(files.credentials), *script.volumes]),
        "restart_policy": "Never",
    }
    return Job(
        name,
        metadata={
            "namespace": namespace,
            "labels": labels,
            "annotations": {"pulumi.com/replaceUnready": "true", **pod_exceptions(settings)},
        },
        # The script itself tries again, so what it says at its end is the answer.
        spec={"backoff_limit": 0, "template": {"metadata": {"labels": labels}, "spec": pod}},
        opts=opts,
    )
