"""Pods of the tests' own, as the namespaces' Pod Security asks of them."""

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
    """A pod of Consul's image that may do nothing; `volumes` are sources by the paths at which they are mounted."""
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
    """Objects in the helper's namespace, its pods ready, and gone afterwards."""
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    consul.kubectl("apply", "--filename", "-", stdin=manifest)
    try:
        pods = [f"pod/{item['metadata']['name']}" for item in objects if item["kind"] == "Pod"]
        consul.kubectl("wait", "--for=condition=Ready", *pods)
        yield
    finally:
        consul.kubectl("delete", "--filename", "-", "--ignore-not-found", stdin=manifest)


IDLE = ["sh", "-c", "trap exit TERM; sleep infinity & wait"]


# Labels of a pod that may call the servers from inside their namespace, as the program's own Jobs do.
INSIDE = {"app.kubernetes.io/name": "consul-health", "app.kubernetes.io/instance": "consul"}
