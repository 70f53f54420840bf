"""The sound production cluster that each program here spoils in one way."""

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

Spoil = Callable[[dict[str, Any], pulumi.ResourceOptions], None]


def cluster(spoiled: dict[str, Spoil] | None = None) -> ConsulCluster:
    """The cluster `consul`; what is spoiled goes by its type and name, such as `StatefulSet consul`."""

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        spoil = (spoiled or {}).get(f"{args.type_.rpartition(':')[2]} {args.name}")
        if not spoil:
            return None
        props: dict[str, Any] = dict(args.props)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        spoil(props, args.opts)
        return pulumi.ResourceTransformResult(props, args.opts)

    settings = Settings.parse({"environment": "production", "storageClass": "standard"})
    return ConsulCluster("consul", settings, opts=pulumi.ResourceOptions(transforms=[transform]))


def deployment(name: str, *containers: ContainerArgsDict) -> None:
    """A Deployment of the stack's own, in the cluster's namespace."""
    labels = {"app": name}
    Deployment(
        name,
        metadata={"name": name, "namespace": NAMESPACE},
        spec={
            "selector": {"match_labels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    )
