"""PodDisruptionBudgets: how many agents a node drain may evict at a time."""

import pulumi
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.cluster import Cluster
from components.identity import CLIENT, SERVER


def create_disruption_budgets(cluster: Cluster, opts: pulumi.ResourceOptions) -> None:
    """Create the budgets: one server and one client may be unavailable. A server is ready only after it votes."""
    naming = cluster.naming
    for name, component in ((naming.name, SERVER), (naming.clients, CLIENT)):
        PodDisruptionBudget(
            name,
            metadata=cluster.metadata(name, component),
            spec={"max_unavailable": 1, "selector": {"match_labels": naming.labels(component)}},
            opts=opts,
        )
