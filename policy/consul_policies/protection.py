"""Policy protected-ca: in production, Pulumi protects the resources that cannot be recreated."""

import math
from collections.abc import Iterator, Sequence

from .clusters import Cluster, clusters
from .resources import Resource, Violation

_PRIVATE_KEY = "tls:index/privateKey:PrivateKey"
_CERTIFICATE = "tls:index/selfSignedCert:SelfSignedCert"


def unprotected_resources(stack: Sequence[Resource]) -> Iterator[Violation]:
    """Yield the CA's private key, the servers and their volumes that Pulumi could delete or replace."""
    for cluster in clusters(stack):
        if cluster.production:
            # Nobody relies on the data of a cluster that was never healthy, so it may start over.
            data = [] if cluster.record.get("startsOver") is True else [*_volumes(cluster), *cluster.servers]
            for resource in [*_ca_keys(cluster), *data]:
                if not resource.protected:
                    yield Violation(
                        resource,
                        "is not protected",
                        "protect=True in production",
                        "Set ResourceOptions(protect=True): without this resource, the cluster cannot be recovered.",
                    )


def _ca_keys(cluster: Cluster) -> Sequence[Resource]:
    """Return the private keys of the cluster's CA certificates; none while `caKeys` lists two, one of which is new."""
    if len(cluster.record.get("caKeys", ())) > 1:
        return []
    certificates = [part for part in cluster.parts if part.type == _CERTIFICATE and part.get("isCaCertificate") is True]
    urns = {urn for certificate in certificates for urn in certificate.property_dependencies.get("privateKeyPem", ())}
    return [resource for resource in cluster.stack if resource.type == _PRIVATE_KEY and resource.urn in urns]


def _volumes(cluster: Cluster) -> Sequence[Resource]:
    """Return the volumes that a server may have used: all but those whose ordinal is `serversSoFar` or more."""
    volumes = [part for part in cluster.parts if part.kind in ("PersistentVolume", "PersistentVolumeClaim")]
    servers = cluster.record.get("serversSoFar", math.inf)
    return [volume for volume in volumes if _ordinal(volume) < servers]


def _ordinal(volume: Resource) -> int:
    """Return the number at the end of a volume's name; 0 if there is none, so that the volume counts as used."""
    ordinal = volume.name.rpartition("-")[2]
    return int(ordinal) if ordinal.isdecimal() else 0
