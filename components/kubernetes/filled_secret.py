"""Secrets with fixed names, whose data an update changes in place."""

import base64
from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core.v1 import SecretPatch

from components.cluster import Cluster
from components.kubernetes.annotations import PATCH_FORCE
from components.kubernetes.protection import retained


def fill_secret(
    name: str,
    cluster: Cluster,
    secret: pulumi.Output[str],
    files: Mapping[str, pulumi.Output[str]],
    opts: pulumi.ResourceOptions,
) -> SecretPatch:
    """Fill the Secret with the name `secret` with files, which an update then changes in place.

    `name` is the name of the patch in Pulumi. The patch waits until the output `secret` is known.

    Pulumi would delete a Secret with changed data before it creates the new one, and no pod could start in between. It
    updates a patch in place.
    """
    return SecretPatch(
        name,
        metadata={"namespace": cluster.namespace, "name": secret, "annotations": PATCH_FORCE},
        data={file: text.apply(_base64) for file, text in files.items()},
        # Kubernetes deletes the data with the Secret. Without this option, Pulumi would first empty the Secret, and
        # fail if somebody has deleted it.
        opts=retained(opts, when=True),
    )


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
