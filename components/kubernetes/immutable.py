"""Secrets and ConfigMaps that never change: named by Pulumi, so that another content is another object.

A change makes the new object first and then rolls exactly the pods that use it, while pods that still run keep the one
they started with.
"""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.naming import Naming


def create_secret(
    name: str,
    naming: Naming,
    namespace: pulumi.Input[str],
    data: pulumi.Input[Mapping[str, pulumi.Input[str]]],
    opts: pulumi.ResourceOptions,
) -> Secret:
    """Create a Secret from a map of strings; `name` is the prefix of its generated name."""
    return Secret(name, metadata=_metadata(naming, namespace), immutable=True, string_data=data, opts=opts)


def create_config_map(
    name: str, naming: Naming, namespace: pulumi.Input[str], data: Mapping[str, str], opts: pulumi.ResourceOptions
) -> ConfigMap:
    """Create a ConfigMap from a map of strings; `name` is the prefix of its generated name."""
    return ConfigMap(name, metadata=_metadata(naming, namespace), immutable=True, data=data, opts=opts)


def _metadata(naming: Naming, namespace: pulumi.Input[str]) -> ObjectMetaArgsDict:
    return {"namespace": namespace, "labels": naming.labels()}
