"""The Ingress of the web UI, in development only."""

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet
from pulumi_kubernetes.core.v1 import Secret
from pulumi_kubernetes.networking.v1 import Ingress, IngressSpecArgsDict

from components.agents.agent_config import HTTPS_PORT
from components.cluster import Cluster
from components.identity import SERVER
from components.kubernetes.annotations import SKIP_AWAIT
from components.trust.authority import Authority


def create_ui_ingress(
    cluster: Cluster, authority: Authority, servers: StatefulSet, opts: pulumi.ResourceOptions
) -> Ingress:
    """Create an HTTPS Ingress from `ingress_host` to the servers' HTTPS port.

    It depends on the servers: with `ingress_await`, Pulumi waits until they can be reached.

    Raises ValueError in production.
    """
    naming, settings = cluster.naming, cluster.settings
    if settings.production:
        raise ValueError("the UI Ingress is not for production: use kubectl port-forward")
    secret_name = settings.ingress_tls_secret or _create_certificate(cluster, authority, opts)
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
    # If no controller reports an address, `pulumi up` would wait for 10 minutes.
    skip_await = {} if settings.ingress_await else SKIP_AWAIT
    return Ingress(
        naming.ui_service,
        metadata={
            **cluster.metadata(naming.ui_service, SERVER),
            "annotations": settings.ingress_annotations | skip_await,
        },
        spec=spec,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[servers])),
    )


def _create_certificate(cluster: Cluster, authority: Authority, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Create a Secret with a certificate for the host, signed by the cluster's CA; return the Secret's name."""
    name = cluster.naming.ui_service
    certificate = authority.sign(name, [cluster.settings.ingress_host], opts)
    secret = Secret(
        name,
        metadata=cluster.metadata(component=SERVER),
        type="kubernetes.io/tls",
        immutable=True,
        string_data={"tls.crt": certificate.pem, "tls.key": certificate.private_key},
        opts=opts,
    )
    return secret.metadata.name
