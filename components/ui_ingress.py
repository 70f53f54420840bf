"""The web UI outside the cluster: for development only."""

import pulumi
from pulumi_kubernetes.networking.v1 import Ingress, IngressRuleArgsDict, IngressSpecArgsDict

from components.agent_config import HTTPS_PORT
from components.naming import Naming
from components.settings import Settings


def create_ui_ingress(
    naming: Naming, settings: Settings, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> Ingress:
    """An Ingress from `ingress_host` to the servers' HTTPS port; whoever reaches it sees all of Consul.

    Raises ValueError in production, whoever calls it.
    """
    if settings.production:
        raise ValueError("the UI Ingress is not for production: use kubectl port-forward")
    rule: IngressRuleArgsDict = {
        "host": settings.ingress_host,
        "http": {
            "paths": [
                {
                    "path": "/",
                    "path_type": "Prefix",
                    "backend": {"service": {"name": naming.ui_service, "port": {"number": HTTPS_PORT}}},
                }
            ]
        },
    }
    spec: IngressSpecArgsDict = {"rules": [rule]}
    if settings.ingress_class:
        spec["ingress_class_name"] = settings.ingress_class
    return Ingress(
        naming.ui_service,
        metadata={
            "name": naming.ui_service,
            "namespace": namespace,
            "labels": naming.labels("server"),
            # A cluster whose ingress controller reports no address would keep `pulumi up` waiting for 10 minutes.
            "annotations": {"pulumi.com/skipAwait": "true"},
        },
        spec=spec,
        opts=opts,
    )
