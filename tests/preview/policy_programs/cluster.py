"""A valid production cluster, which each program in this folder makes violate one policy."""

from collections.abc import Callable
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ContainerArgsDict

from components.consul_cluster import ConsulCluster
from components.settings import Settings

NAMESPACE = "consul"
SERVERS = {
    "app.kubernetes.io/name": "consul",
    "app.kubernetes.io/instance": "consul",
    "app.kubernetes.io/component": "server",
}

Edit = Callable[[dict[str, Any], pulumi.ResourceOptions], None]


def cluster(edits: dict[str, Edit] | None = None) -> ConsulCluster:
    """Declare the cluster `consul`.

    Each key of `edits` is the type and name of a resource, such as `StatefulSet consul`; its value edits it.
    """

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        edit = (edits or {}).get(f"{args.type_.rpartition(':')[2]} {args.name}")
        if not edit:
            return None
        props: dict[str, Any] = dict(args.props)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        edit(props, args.opts)
        return pulumi.ResourceTransformResult(props, args.opts)

    settings = Settings.parse({"environment": "production", "storageClass": "standard"})
    return ConsulCluster("consul", settings, opts=pulumi.ResourceOptions(transforms=[transform]))


def deployment(name: str, *containers: ContainerArgsDict) -> None:
    """Declare a Deployment outside the component, in the cluster's namespace."""
    labels = {"app": name}
    Deployment(
        name,
        metadata={"name": name, "namespace": NAMESPACE},
        spec={
            "selector": {"match_labels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    )
