"""Jobs that run a shell script against the servers, and run it again when an input changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, VolumeArgsDict, VolumeMountArgsDict

from components.agents.agent_config import CA_CERTIFICATE, HTTPS_PORT, TLS_DIR
from components.agents.agent_files import AgentFiles
from components.cluster import Cluster
from components.kubernetes.lint_waivers import waivers
from components.kubernetes.pod import CONTAINER_SECURITY, TLS_MOUNT, pod_spec, requirements, tls_volume
from components.kubernetes.scripts import read_script

# How long a Job may take: 5 minutes until its pod runs, on a new node with an image to pull, and 2 for the script.
JOB_MINUTES = 7

# How long all agents may take to reload certificates, with a margin: a kubelet updates a Secret's files within 90 s
# (syncFrequency), or a minute later if it caches Secrets (configMapAndSecretChangeDetectionStrategy).
RELOAD_MINUTES = 4


@dataclass(frozen=True)
class Script:
    """A shell script that calls the servers, and what it needs in addition to the CA certificate.

    `paths` are its parts, in order. The script must stop waiting for the cluster, and fail with a message, after
    `timeout_seconds`, which it gets as $TIMEOUT. Kubernetes ends the Job after `minutes`.
    """

    paths: Sequence[Path]
    environment: Mapping[str, pulumi.Input[str]]
    timeout_seconds: int
    minutes: int = JOB_MINUTES
    volumes: Sequence[VolumeArgsDict] = field(default_factory=list[VolumeArgsDict])
    mounts: Sequence[VolumeMountArgsDict] = field(default_factory=list[VolumeMountArgsDict])


def run_of(job: Job) -> pulumi.Output[str]:
    """Return what changes whenever the Job runs again: the UID of its object."""
    return job.metadata.apply(lambda metadata: metadata.uid or "")


def create_job(name: str, cluster: Cluster, files: AgentFiles, script: Script, opts: pulumi.ResourceOptions) -> Job:
    """Create a Job with the ServiceAccount `name`.

    A Job's pod template is immutable, so a change of the script, its environment or an immutable object that it mounts
    replaces the Job and runs the script again. The next `pulumi up` also replaces a failed Job (replaceUnready).
    """
    naming, settings = cluster.naming, cluster.settings
    environment: dict[str, pulumi.Input[str]] = {
        # This Service also lists servers that are not ready yet.
        "CONSUL_HTTP_ADDR": f"https://{naming.host(naming.name)}:{HTTPS_PORT}",
        "CONSUL_CACERT": f"{TLS_DIR}/{CA_CERTIFICATE}",
        "TIMEOUT": str(script.timeout_seconds),
        **cluster.history.environment,
        **script.environment,
    }
    labels = naming.job_labels(name)
    container: ContainerArgsDict = {
        "name": "script",
        "image": settings.image,
        "command": ["sh", "-c", read_script(*script.paths)],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        # `pulumi up` shows the last lines of the log if the Job fails.
        "termination_message_policy": "FallbackToLogsOnError",
        "resources": requirements(settings.client_resources),
        "security_context": CONTAINER_SECURITY,
        "volume_mounts": [TLS_MOUNT, *script.mounts],
    }
    pod: PodSpecArgsDict = {
        **pod_spec(settings, name, container, [tls_volume(files.server_secret), *script.volumes]),
        "restart_policy": "Never",
    }
    # Pulumi waits longer than Kubernetes, whose limit decides: Pulumi's begins anew with each event of a pod.
    pulumi_limit = pulumi.CustomTimeouts(create=f"{script.minutes + 1}m")
    return Job(
        name,
        metadata={
            "namespace": cluster.namespace,
            "labels": labels,
            "annotations": {"pulumi.com/replaceUnready": "true", **waivers(settings)},
        },
        # No retries by Kubernetes: the script retries until its timeout.
        spec={
            "backoff_limit": 0,
            "active_deadline_seconds": script.minutes * 60,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(custom_timeouts=pulumi_limit)),
    )
