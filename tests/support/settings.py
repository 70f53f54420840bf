"""Settings of the stacks that tests and benchmarks create."""

from typing import Any

from tools.devcluster.addons import INGRESS_NAMESPACE

E2E_NAMESPACE = "e2e"

E2E_DEVELOPMENT: dict[str, Any] = {
    "environment": "development",
    "namespace": E2E_NAMESPACE,
    # Seven, because a test scales to seven servers.
    "storageNodes": ["node-1", "node-2", "node-3", "node-1", "node-2", "node-3", "node-1"],
    "ingressEnabled": True,
    "ingressHost": "consul.localhost",
    "ingressNamespace": INGRESS_NAMESPACE,
    "clientNamespaces": ["web", "net-web"],
    "serviceTokens": ["web"],
}

# The stack starts with these settings, until a test rolls out E2E_DEVELOPMENT.
E2E_FIRST: dict[str, Any] = E2E_DEVELOPMENT | {
    "serverResources": {"requests": {"cpu": "110m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
}


E2E_PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "namespace": "production",
    "storageNodes": ["node-1", "node-2", "node-3"],
    "clientNamespaces": ["web-production"],
    "serviceTokens": ["web"],
}

DEVELOPMENT: dict[str, Any] = {
    "environment": "development",
    "storageNodes": ["node-1", "node-2", "node-3"],
    "ingressEnabled": True,
    "ingressHost": "consul.localhost",
}

PRODUCTION: dict[str, Any] = {"environment": "production", "storageClass": "standard"}
