"""The servers' volumes: one each, from a StorageClass or on a node's own disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_kubernetes.core.v1 import PersistentVolume
from pulumi_kubernetes.core.v1 import PersistentVolumeClaimArgsDict as ClaimArgs

from components.cluster import Cluster
from components.identity import SERVER
from components.kubernetes.protection import protected, retained

VOLUME = "data"

# No StorageClass has this name, so a claim binds only to an existing volume of this class, and creates no new one.
_MANUAL_CLASS = "manual"


@dataclass(frozen=True)
class Storage:
    """The volumes, the claim template of the servers' pods, and the folder in a volume that holds the data.

    `sub_path` is this folder, and may contain $(POD_NAME). It is None if each volume is a file system of its own.
    """

    volumes: Sequence[PersistentVolume]
    claim: ClaimArgs
    sub_path: pulumi.Output[str] | None


def create_storage(cluster: Cluster, opts: pulumi.ResourceOptions) -> Storage:
    """Create a PersistentVolume for each of `storage_nodes`; with `storage_class`, return only the claim.

    If there are more nodes than servers, the last volumes are unused, or hold the data of removed servers.
    """
    naming, settings = cluster.naming, cluster.settings
    claim: ClaimArgs = {
        "metadata": {"name": VOLUME, "labels": naming.labels(SERVER)},
        "spec": {
            "access_modes": ["ReadWriteOnce"],
            "storage_class_name": settings.storage_class or _MANUAL_CLASS,
            "resources": {"requests": {"storage": settings.storage_size}},
        },
    }
    if settings.storage_class:
        return Storage([], claim, None)

    # Each cluster gets a new folder: a destroyed cluster may have left its data, with other keys, on the same disk.
    folder = random.RandomId(f"{naming.name}-storage", byte_length=4, opts=protected(settings, opts))
    volumes = [
        _local_volume(cluster, server, node, opts)
        for server, node in zip(naming.servers(len(settings.storage_nodes)), settings.storage_nodes, strict=True)
    ]
    return Storage(volumes, claim, folder.hex.apply(lambda id_: f"{naming.namespace}-{id_}/$(POD_NAME)"))


def _local_volume(cluster: Cluster, server: str, node: str, opts: pulumi.ResourceOptions) -> PersistentVolume:
    """Create a `local` volume on one node that only the claim of one server can bind.

    Without the claimRef, a server could bind the volume with another server's data.
    """
    naming, settings = cluster.naming, cluster.settings
    return PersistentVolume(
        f"{VOLUME}-{server}",
        metadata={"name": f"{naming.namespace}-{VOLUME}-{server}", "labels": naming.labels(SERVER)},
        spec={
            "capacity": {"storage": settings.storage_size},
            "access_modes": ["ReadWriteOnce"],
            "persistent_volume_reclaim_policy": "Retain",
            "storage_class_name": _MANUAL_CLASS,
            "claim_ref": {
                "api_version": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": naming.namespace,
                "name": f"{VOLUME}-{server}",
            },
            "local": {"path": settings.storage_path},
            "node_affinity": {
                "required": {
                    "node_selector_terms": [
                        {"match_expressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
                    ]
                }
            },
        },
        opts=retained(settings, opts),
    )
