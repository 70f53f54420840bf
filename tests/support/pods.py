"""Pods that tests create. They satisfy the Pod Security level `restricted`."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tests.support.consul import Consul
from tools import toolchain


def pod(
    name: str,
    command: Sequence[str],
    *,
    labels: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    volumes: Mapping[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return a pod without privileges that runs a command in Consul's image.

    `volumes` maps mount paths to volume sources.
    """
    mounts = {f"volume-{number}": path for number, path in enumerate(volumes or {})}
    container = {
        "name": "main",
        "image": toolchain.CONSUL_IMAGE,
        "command": list(command),
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in mounts.items()],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10200,
                "runAsGroup": 10200,
                "fsGroup": 10200,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": name} | (volumes or {})[path] for name, path in mounts.items()],
        },
    }


@contextmanager
def running(consul: Consul, *objects: dict[str, Any]) -> Generator[None]:
    """Create objects in the namespace, wait until its pods are ready, and delete the objects at the end."""
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    consul.kubectl("apply", "--filename", "-", stdin=manifest)
    try:
        pods = [f"pod/{item['metadata']['name']}" for item in objects if item["kind"] == "Pod"]
        consul.kubectl("wait", "--for=condition=Ready", *pods)
        yield
    finally:
        consul.kubectl("delete", "--filename", "-", "--ignore-not-found", stdin=manifest)


IDLE = ["sh", "-c", "trap exit TERM; sleep infinity & wait"]

# The labels of the health check's pod: NetworkPolicies allow it to call servers and clients.
INSIDE = {"app.kubernetes.io/name": "consul-health", "app.kubernetes.io/instance": "consul"}
