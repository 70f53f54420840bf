"""Agents that do not belong to the cluster, for tests that keys, certificates and tokens keep such agents out."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.support.consul import Consul
from tests.support.pods import pod, running
from tests.support.settings import E2E_NAMESPACE

JOIN = f"consul.{E2E_NAMESPACE}.svc"


@contextmanager
def agent(consul: Consul, name: str, config: dict[str, Any], ca: str) -> Generator[None]:
    """Run a foreign client agent in a pod whose labels make NetworkPolicies treat it as an agent of the cluster."""
    files = {
        "client.json": json.dumps({"data_dir": "/consul/data", "retry_join": [JOIN], "retry_interval": "1s"} | config),
        "ca.pem": ca,
    }
    stranger = pod(
        name,
        ["consul", "agent", "-config-dir=/stranger"],
        labels={"app.kubernetes.io/name": "consul", "app.kubernetes.io/instance": "consul"},
        volumes={"/stranger": {"configMap": {"name": name}}, "/consul/data": {"emptyDir": {}}},
    )
    with running(
        consul, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files}, stranger
    ):
        yield


def tls_config() -> dict[str, Any]:
    """Return the TLS configuration of the cluster's own clients."""
    return {
        "auto_encrypt": {"tls": True},
        "tls": {
            "defaults": {"ca_file": "/stranger/ca.pem", "verify_outgoing": True},
            "internal_rpc": {"verify_server_hostname": True},
        },
    }


def acl(token: str) -> dict[str, Any]:
    """Return the configuration that gives an agent a token."""
    return {"acl": {"enabled": True, "tokens": {"agent": token}}}
