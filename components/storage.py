"""The servers' volumes: one each, from a StorageClass or on a node's own disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_kubernetes.core.v1 import PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpecArgsDict
from pulumi_kubernetes.core.v1 import PersistentVolumeClaimArgsDict as ClaimArgs

from components.cluster import Cluster
from components.identity import SERVER
from components.kubernetes.annotations import SKIP_AWAIT
from components.kubernetes.protection import protected, retained

# No StorageClass has this name, so a claim binds only to an existing volume of this class, and creates no new one.
_MANUAL_CLASS = "manual"


@dataclass(frozen=True)
class Storage:
    """The volumes and their claims, the claim template of the servers' pods, and the folder that holds the data.

    `name` is the name of the claim template. `sub_path` is the folder, and may contain $(POD_NAME). It is None if each
    volume is a file system of its own.
    """

    name: str
    volumes: Sequence[PersistentVolume]
    claims: Sequence[PersistentVolumeClaim]
    claim: ClaimArgs
    sub_path: pulumi.Output[str] | None


def create_storage(cluster: Cluster, opts: pulumi.ResourceOptions) -> Storage:
    """Create a PersistentVolume for each of `storage_nodes`, and a claim for each server that the cluster ever had.

    With `storage_class`, return only the claim template.

    If there are more nodes than servers, the last volumes are unused, or hold the data of removed servers.
    """
    naming, settings, history = cluster.naming, cluster.settings, cluster.history
    # In production the claims of an earlier attempt remain, so the volumes of the next one have other names.
    suffix = f"-{history.attempt}" if history.attempt > 1 else ""
    name = f"data{suffix}"
    spec: PersistentVolumeClaimSpecArgsDict = {
        "access_modes": ["ReadWriteOnce"],
        "storage_class_name": settings.storage_class or _MANUAL_CLASS,
        "resources": {"requests": {"storage": settings.storage_size}},
    }
    claim: ClaimArgs = {"metadata": {"name": name, "labels": naming.labels(SERVER)}, "spec": spec}
    if settings.storage_class:
        return Storage(name, [], [], claim, None)

    # Each cluster gets a new folder: a destroyed cluster may have left its data, with other keys, on the same disk.
    folder = random.RandomId(f"{naming.name}-storage", byte_length=4, opts=protected(opts, when=settings.production))
    volumes = [
        _local_volume(cluster, ordinal, f"{name}-{server}", opts)
        for ordinal, server in enumerate(naming.servers(len(settings.storage_nodes)))
    ]
    # A StatefulSet takes claims that exist, and creates those that do not. It would not delete them before the volumes.
    # These are as it creates them, without the volume's name: with the name, an update would replace a claim that
    # the StatefulSet has created again. Do not wait for a claim that cannot bind: the guard of the servers says why.
    claims = [
        PersistentVolumeClaim(
            f"data-{server}",
            metadata={**cluster.metadata(f"{name}-{server}", SERVER), "annotations": SKIP_AWAIT},
            spec=spec,
            opts=pulumi.ResourceOptions.merge(_with_data(cluster, opts), pulumi.ResourceOptions(depends_on=[volume])),
        )
        for volume, server in zip(volumes, naming.servers(history.servers_so_far), strict=False)
    ]
    path = folder.hex.apply(lambda id_: f"{naming.namespace}-{id_}{suffix}/$(POD_NAME)")
    return Storage(name, volumes, claims, claim, path)


def _local_volume(cluster: Cluster, ordinal: int, claim: str, opts: pulumi.ResourceOptions) -> PersistentVolume:
    """Create a `local` volume on the node of a server that only this server's claim can bind.

    Without the claimRef, a server could bind the volume with another server's data.
    """
    naming, settings = cluster.naming, cluster.settings
    node = settings.storage_nodes[ordinal]
    if ordinal < cluster.history.servers_so_far:
        opts = _with_data(cluster, opts)
    elif not cluster.history.starts_over:
        # It can move to another node, but Kubernetes cannot change the node of a volume. A cluster that starts over has
        # volumes of other names, and the pods of the earlier attempt may still use the old ones.
        moved = pulumi.ResourceOptions(replace_on_changes=["spec.nodeAffinity"], delete_before_replace=True)
        opts = pulumi.ResourceOptions.merge(opts, moved)
    return PersistentVolume(
        f"data-{naming.name}-{ordinal}",
        metadata={"name": f"{naming.namespace}-{claim}", "labels": naming.labels(SERVER)},
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


def _with_data(cluster: Cluster, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """Return the options of a volume, or of its claim, that may have data."""
    opts = retained(opts, when=cluster.settings.production)
    return protected(opts, when=cluster.history.protects_data(cluster.settings))
