"""Pods that register themselves as `web` with the Consul cluster of another stack, and a pod that calls them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    Namespace,
    PodSecurityContextArgsDict,
    Secret,
    SecurityContextArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)
from pulumi_kubernetes.networking.v1 import NetworkPolicy

SERVICE = "web"
PORT = 8080
HEALTH_PATH = "/health"

# The registration of one pod. Kubernetes replaces $(POD_NAME) and $(POD_IP).
# https://developer.hashicorp.com/consul/api-docs/agent/service#register-service
REGISTRATION = {
    "ID": "$(POD_NAME)",
    "Name": SERVICE,
    "Address": "$(POD_IP)",
    "Port": PORT,
    "Check": {
        "HTTP": f"http://$(POD_IP):{PORT}{HEALTH_PATH}",
        "Interval": "2s",
        "Timeout": "1s",
        # For a pod that ended without deregistering itself.
        "DeregisterCriticalServiceAfter": "5m",
    },
}

# Replace it by your own. It answers with the pod's name, and is healthy while the file at HEALTH_PATH exists.
APPLICATION = f"""
echo "$POD_NAME" >/srv/index.html && echo ok >/srv{HEALTH_PATH}
trap exit TERM
busybox httpd -f -p {PORT} -h /srv &
wait
"""

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
POD_SECURITY: PodSecurityContextArgsDict = {
    "run_as_non_root": True,
    "run_as_user": 10200,
    "run_as_group": 10200,
    "fs_group": 10200,
    "seccomp_profile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: SecurityContextArgsDict = {
    "allow_privilege_escalation": False,
    "read_only_root_filesystem": True,
    "capabilities": {"drop": ["ALL"]},
}

config = pulumi.Config()
consul_stack = config.require("consulStack")
consul = pulumi.StackReference(consul_stack)


def output(name: str) -> pulumi.Output[Any]:
    """Return an output of the Consul cluster's stack. Fail if the stack does not have it."""

    def existing(value: object) -> object:
        if value is None:
            raise pulumi.RunError(
                f"consulStack = {consul_stack} cannot be used: that stack has no output {name}; allowed: the stack of "
                "a Consul cluster, as ORGANIZATION/PROJECT/STACK"
            )
        return value

    return consul.get_output(name).apply(existing)


def token_header(tokens: Mapping[str, str]) -> str:
    """Return the HTTP header with the service's token."""
    if SERVICE not in tokens:
        raise pulumi.RunError(
            f"the output serviceTokens of {consul_stack} has no token for {SERVICE}: add {SERVICE} to the setting "
            "serviceTokens of that stack, run `pulumi up` there, and use the same passphrase for both stacks"
        )
    return f"X-Consul-Token: {tokens[SERVICE]}"


namespace = Namespace(
    "web",
    metadata={
        "name": config.require("namespace"),
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    },
).metadata.name

# Immutable and named by Pulumi: a new token or CA certificate creates a new Secret, and restarts the pods with it.
credentials = Secret(
    "consul",
    metadata={"namespace": namespace},
    immutable=True,
    string_data={
        "ca.pem": output("caCertificate"),
        "header": output("serviceTokens").apply(token_header),
    },
)
CREDENTIALS: VolumeArgsDict = {
    "name": "credentials",
    "secret": {"secret_name": credentials.metadata.name, "default_mode": 0o440},
}
CREDENTIALS_MOUNT: VolumeMountArgsDict = {"name": "credentials", "mount_path": "/consul", "read_only": True}


def container(
    name: str, image: pulumi.Input[str], script: str, environment: Mapping[str, pulumi.Input[str]]
) -> ContainerArgsDict:
    """Return a container without privileges that runs a shell script. Its environment has the pod's name and IP."""
    return {
        "name": name,
        "image": image,
        "command": ["sh", "-c", script],
        "env": [
            {"name": "POD_NAME", "value_from": {"field_ref": {"field_path": "metadata.name"}}},
            {"name": "POD_IP", "value_from": {"field_ref": {"field_path": "status.podIP"}}},
            *({"name": key, "value": value} for key, value in environment.items()),
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "security_context": CONTAINER_SECURITY,
    }


def consul_container(script: str, environment: Mapping[str, pulumi.Input[str]]) -> ContainerArgsDict:
    """Return a container that runs a script of this folder. It uses Consul's image, which has curl."""
    text = Path(__file__).with_name(f"{script}.sh").read_text()
    image = output("image")
    return {**container(script, image, text, environment), "volume_mounts": [CREDENTIALS_MOUNT]}


def deployment(name: str, replicas: int, containers: list[ContainerArgsDict], volumes: list[VolumeArgsDict]) -> None:
    """Create a Deployment whose pods have no permissions in Kubernetes."""
    labels = {"app.kubernetes.io/name": name}
    Deployment(
        name,
        metadata={"name": name, "namespace": namespace, "labels": labels},
        spec={
            "replicas": replicas,
            # Long enough for Consul's first health check of a new pod, so that the rollout waits for it.
            "min_ready_seconds": 5,
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": containers,
                    "volumes": volumes,
                    "automount_service_account_token": False,
                    "enable_service_links": False,
                    "security_context": POD_SECURITY,
                },
            },
        },
    )


application: ContainerArgsDict = {
    **container("application", config.require("image"), APPLICATION, {}),
    "ports": [{"name": "http", "container_port": PORT}],
    "readiness_probe": {"http_get": {"path": HEALTH_PATH, "port": "http"}, "period_seconds": 2},
    # Callers who looked up the instance just before it was deregistered still get an answer.
    "lifecycle": {"pre_stop": {"sleep": {"seconds": 5}}},
    "volume_mounts": [{"name": "srv", "mount_path": "/srv"}],
}
registration = consul_container(
    "register",
    {
        "CONSUL_CLIENTS": output("clientHosts").apply(lambda hosts: " ".join(f"https://{host}:8501" for host in hosts)),
        "REGISTRATION": json.dumps(REGISTRATION),
    },
)
deployment(
    "web", config.require_int("replicas"), [application, registration], [CREDENTIALS, {"name": "srv", "empty_dir": {}}]
)

caller = consul_container(
    "caller",
    {
        "CONSUL_ADDRESS": output("clientAddress"),
        "CONSUL_DNS": output("dnsAddress").apply(lambda address: address.removesuffix(":53")),
        "CONSUL_DOMAIN": output("domain"),
        "SERVICE": SERVICE,
        "PORT": str(PORT),
    },
)
deployment("caller", 1, [caller], [CREDENTIALS])

# Allow the caller, and Consul's clients, which check the application's health.
NetworkPolicy(
    "web",
    metadata={"name": "web", "namespace": namespace},
    spec={
        "pod_selector": {"match_labels": {"app.kubernetes.io/name": "web"}},
        "policy_types": ["Ingress"],
        "ingress": [
            {
                "from_": [
                    {"pod_selector": {"match_labels": {"app.kubernetes.io/name": "caller"}}},
                    {
                        "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": output("namespace")}},
                        "pod_selector": {"match_labels": {"app.kubernetes.io/component": "client"}},
                    },
                ],
                "ports": [{"port": PORT}],
            }
        ],
    },
)
