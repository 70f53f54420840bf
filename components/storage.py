"""The servers' volumes: one each, from a StorageClass or on a node's own disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_kubernetes.core.v1 import PersistentVolume
from pulumi_kubernetes.core.v1 import PersistentVolumeClaimArgsDict as ClaimArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.cluster import Cluster
from components.identity import SERVER
from components.kubernetes.protection import protected, retained

# No StorageClass has this name, so a claim binds only to an existing volume of this class, and creates no new one.
_MANUAL_CLASS = "manual"


@dataclass(frozen=True)
class Storage:
    """The volumes, the claim template of the servers' pods, and the folder in a volume that holds the data.

    `name` is the name of the claim template. `sub_path` is the folder, and may contain $(POD_NAME). It is None if each
    volume is a file system of its own.
    """

    name: str
    volumes: Sequence[PersistentVolume]
    claim: ClaimArgs
    sub_path: pulumi.Output[str] | None


def create_storage(cluster: Cluster, opts: pulumi.ResourceOptions) -> Storage:
    """Create a PersistentVolume for each of `storage_nodes`; with `storage_class`, return only the claim.

    If there are more nodes than servers, the last volumes are unused, or hold the data of removed servers.
    """
    naming, settings, history = cluster.naming, cluster.settings, cluster.history
    # The claims of an earlier attempt remain, so the volumes of the next one have other names.
    suffix = f"-{history.attempt}" if history.attempt > 1 else ""
    name = f"data{suffix}"
    claim: ClaimArgs = {
        "metadata": {"name": name, "labels": naming.labels(SERVER)},
        "spec": {
            "access_modes": ["ReadWriteOnce"],
            "storage_class_name": settings.storage_class or _MANUAL_CLASS,
            "resources": {"requests": {"storage": settings.storage_size}},
        },
    }
    if settings.storage_class:
        return Storage(name, [], claim, None)

    # Each cluster gets a new folder: a destroyed cluster may have left its data, with other keys, on the same disk.
    folder = random.RandomId(f"{naming.name}-storage", byte_length=4, opts=protected(opts, when=settings.production))
    volumes = [
        _local_volume(cluster, ordinal, f"{name}-{server}", opts)
        for ordinal, server in enumerate(naming.servers(len(settings.storage_nodes)))
    ]
    path = folder.hex.apply(lambda id_: f"{naming.namespace}-{id_}{suffix}/$(POD_NAME)")
    return Storage(name, volumes, claim, path)


def _local_volume(cluster: Cluster, ordinal: int, claim: str, opts: pulumi.ResourceOptions) -> PersistentVolume:
    """Create a `local` volume on the node of a server that only this server's claim can bind.

    Without the claimRef, a server could bind the volume with another server's data.
    """
    naming, settings, history = cluster.naming, cluster.settings, cluster.history
    node, used = settings.storage_nodes[ordinal], ordinal < history.servers_so_far
    opts = retained(opts, when=settings.production and used)
    opts = protected(opts, when=history.protects_data(settings) and used)
    if not used:
        # It can move to another node, but Kubernetes cannot change the node of a volume.
        moved = pulumi.ResourceOptions(replace_on_changes=["spec.nodeAffinity"], delete_before_replace=True)
        opts = pulumi.ResourceOptions.merge(opts, moved)
    metadata: ObjectMetaArgsDict = {"name": f"{naming.namespace}-{claim}", "labels": naming.labels(SERVER)}
    if used and not settings.production:
        # `destroy` must not wait for the volume before it deletes the namespace: Kubernetes deletes a volume only after
        # its claim, which goes with the namespace.
        metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
    return PersistentVolume(
        f"data-{naming.name}-{ordinal}",
        metadata=metadata,
        spec={
            "capacity": {"storage": settings.storage_size},
            "access_modes": ["ReadWriteOnce"],
            "persistent_volume_reclaim_policy": "Retain",
            "storage_class_name": _MANUAL_CLASS,
            "claim_ref": {
                "api_version": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": naming.namespace,
                "name": claim,
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
        opts=opts,
    )
