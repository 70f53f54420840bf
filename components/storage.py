"""Where the servers keep their data: one volume each, by a StorageClass or on a node's own disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_kubernetes.core.v1 import PersistentVolume
from pulumi_kubernetes.core.v1 import PersistentVolumeClaimArgsDict as ClaimArgs

from components.identity import SERVER
from components.kubernetes.protection import protected, retained
from components.naming import Naming
from components.settings import Settings

VOLUME = "data"

# A class of no StorageClass: such a claim takes only a volume of the same class, and nobody provisions one.
_MANUAL_CLASS = "manual"


@dataclass(frozen=True)
class Storage:
    """The volumes, the claim that each server's pod makes, and the folder of the volume that holds the data.

    `sub_path` is None where a volume is the server's alone; it may refer to $(POD_NAME).
    """

    volumes: Sequence[PersistentVolume]
    claim: ClaimArgs
    sub_path: pulumi.Output[str] | None


def create_storage(naming: Naming, settings: Settings, opts: pulumi.ResourceOptions) -> Storage:
    """The servers' storage: with `storage_class` a claim alone, else a PersistentVolume for each of `storage_nodes`.

    Where there are more nodes than servers, a volume waits for its server, or keeps the data of one taken away.
    """
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

    # A new cluster starts in a new folder: the data of one destroyed before, on the same disk, has other keys.
    folder = random.RandomId(f"{naming.name}-storage", byte_length=4, opts=protected(settings, opts))
    volumes = [
        _local_volume(naming, settings, server, node, opts)
        for server, node in zip(naming.servers(len(settings.storage_nodes)), settings.storage_nodes, strict=True)
    ]
    return Storage(volumes, claim, folder.hex.apply(lambda id_: f"{naming.namespace}-{id_}/$(POD_NAME)"))


def _local_volume(
    naming: Naming, settings: Settings, server: str, node: str, opts: pulumi.ResourceOptions
) -> PersistentVolume:
    """A `local` volume on one node that only one server's claim can bind.

    Without the claimRef the volumes would be interchangeable, and a server could come back with another's data.
    """
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
