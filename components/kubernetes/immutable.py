"""Immutable Secrets and ConfigMaps. Pulumi generates their names, so changed content becomes a new object.

After a change, Pulumi creates the new object first. Then only the pods that mount the object restart. Until a pod
restarts, it keeps the old object.
"""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

from components.cluster import Cluster


def create_secret(
    name: str,
    cluster: Cluster,
    data: pulumi.Input[Mapping[str, pulumi.Input[str]]],
    opts: pulumi.ResourceOptions,
) -> Secret:
    """Create a Secret from a map of strings; `name` is the prefix of its generated name."""
    return Secret(name, metadata=cluster.metadata(), immutable=True, string_data=data, opts=opts)


def create_config_map(
    name: str, cluster: Cluster, data: Mapping[str, pulumi.Input[str]], opts: pulumi.ResourceOptions
) -> ConfigMap:
    """Create a ConfigMap from a map of strings; `name` is the prefix of its generated name."""
    return ConfigMap(name, metadata=cluster.metadata(), immutable=True, data=data, opts=opts)
