"""PodDisruptionBudgets: how many agents a node drain may evict at a time."""

import pulumi
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.identity import CLIENT, SERVER
from components.naming import Naming


def create_disruption_budgets(naming: Naming, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
    """Allow one unavailable server and one unavailable client. A server is ready only if it votes."""
    for name, component in ((naming.name, SERVER), (naming.clients, CLIENT)):
        labels = naming.labels(component)
        PodDisruptionBudget(
            name,
            metadata={"name": name, "namespace": namespace, "labels": labels},
            spec={"max_unavailable": 1, "selector": {"match_labels": labels}},
            opts=opts,
        )
