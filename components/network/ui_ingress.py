"""The web UI outside the cluster: for development only."""

import pulumi
from pulumi_kubernetes.core.v1 import Secret
from pulumi_kubernetes.networking.v1 import Ingress, IngressSpecArgsDict

from components.agents.agent_config import HTTPS_PORT
from components.identity import SERVER
from components.naming import Naming
from components.settings import Settings
from components.trust.authority import Authority


def create_ui_ingress(
    naming: Naming,
    settings: Settings,
    authority: Authority,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> Ingress:
    """An Ingress, by HTTPS, from `ingress_host` to the servers' HTTPS port.

    Raises ValueError in production, whoever calls it.
    """
    if settings.production:
        raise ValueError("the UI Ingress is not for production: use kubectl port-forward")
    secret_name = settings.ingress_tls_secret or _own_certificate(naming, settings, authority, namespace, opts)
    spec: IngressSpecArgsDict = {
        "tls": [{"hosts": [settings.ingress_host], "secret_name": secret_name}],
        "rules": [
            {
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
        ],
    }
    if settings.ingress_class:
        spec["ingress_class_name"] = settings.ingress_class
    # Where no controller reports an address, `pulumi up` would wait for 10 minutes.
    skip_await = {} if settings.ingress_await else {"pulumi.com/skipAwait": "true"}
    return Ingress(
        naming.ui_service,
        metadata={
            "name": naming.ui_service,
            "namespace": namespace,
            "labels": naming.labels(SERVER),
            "annotations": settings.ingress_annotations | skip_await,
        },
        spec=spec,
        opts=opts,
    )


def _own_certificate(
    naming: Naming,
    settings: Settings,
    authority: Authority,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """A Secret with a certificate of the cluster's CA for the host."""
    certificate = authority.sign(naming.ui_service, [settings.ingress_host], opts)
    secret = Secret(
        naming.ui_service,
        metadata={"namespace": namespace, "labels": naming.labels(SERVER)},
        type="kubernetes.io/tls",
        immutable=True,
        string_data={"tls.crt": certificate.pem, "tls.key": certificate.private_key},
        opts=opts,
    )
    return secret.metadata.name
