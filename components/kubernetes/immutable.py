"""Immutable Secrets and ConfigMaps. Pulumi generates their names, so changed content becomes a new object.

After a change, the new object is created first, then exactly the pods that use it are rolled. Pods that still run keep
the object that they started with.
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


def create_config_map(name: str, cluster: Cluster, data: Mapping[str, str], opts: pulumi.ResourceOptions) -> ConfigMap:
    """Create a ConfigMap from a map of strings; `name` is the prefix of its generated name."""
    return ConfigMap(name, metadata=cluster.metadata(), immutable=True, data=data, opts=opts)
