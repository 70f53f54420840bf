"""Whether what a production cluster cannot have again is protected from deletion."""

from collections.abc import Iterator, Sequence

from .clusters import Cluster, clusters
from .resources import Resource, Violation

_PRIVATE_KEY = "tls:index/privateKey:PrivateKey"
_CERTIFICATE = "tls:index/selfSignedCert:SelfSignedCert"


def unprotected(stack: Sequence[Resource]) -> Iterator[Violation]:
    """The CA's private key, the servers and their volumes, where Pulumi would delete or replace them."""
    for cluster in clusters(stack):
        if cluster.production:
            for resource in [*_ca_keys(cluster), *_volumes(cluster), *cluster.servers]:
                if not resource.protected:
                    yield Violation(
                        resource,
                        "is not protected",
                        "protect=True in production",
                        "Lost, it takes the cluster with it: give it ResourceOptions(protect=True).",
                    )


def _ca_keys(cluster: Cluster) -> Sequence[Resource]:
    """The private keys that a CA's certificate is made from."""
    certificates = [part for part in cluster.parts if part.type == _CERTIFICATE and part.get("isCaCertificate") is True]
    urns = {urn for certificate in certificates for urn in certificate.made_from.get("privateKeyPem", ())}
    return [resource for resource in cluster.stack if resource.type == _PRIVATE_KEY and resource.urn in urns]


def _volumes(cluster: Cluster) -> Sequence[Resource]:
    return [part for part in cluster.parts if part.kind in ("PersistentVolume", "PersistentVolumeClaim")]
