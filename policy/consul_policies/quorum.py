"""Policy sound-quorum: the servers can elect a leader, and evictions leave a majority of them."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from components.quorum import tolerated_losses

from .agent_files import agent_config
from .clusters import Cluster, clusters
from .pods import pod_labels
from .resources import Resource, Violation
from .selectors import selects
from .values import UNKNOWN


def unsound_quorum(stack: Sequence[Resource]) -> Iterator[Violation]:
    """Yield servers that cannot elect a leader, and budgets that let the majority of the servers be evicted."""
    for cluster in clusters(stack):
        for servers in cluster.servers:
            replicas = servers.get("spec", "replicas")
            replicas = 1 if replicas is None else replicas
            if isinstance(replicas, int):
                yield from _wrong_number(cluster, servers, replicas)
                yield from _wrong_expectation(cluster, servers, replicas)
                yield from _wrong_budgets(cluster, servers, replicas)


def _wrong_number(cluster: Cluster, servers: Resource, replicas: int) -> Iterator[Violation]:
    if replicas % 2 == 0 or (cluster.production and replicas < 3):
        yield Violation(
            servers,
            f"spec.replicas {replicas}",
            "an odd number, in production 3 or more",
            "Set serverReplicas of the ConsulCluster: an even number tolerates no more losses than one server fewer.",
        )


def _wrong_expectation(cluster: Cluster, servers: Resource, replicas: int) -> Iterator[Violation]:
    config = agent_config(cluster, servers)
    argument = config.argument("bootstrap-expect")
    expected = argument if argument is not None else config.get("bootstrap_expect")
    if expected is not None and expected is not UNKNOWN and str(expected) != str(replicas):
        yield Violation(
            servers if argument is not None else config.source("bootstrap_expect"),
            f"bootstrap_expect {expected}",
            f"{replicas}, the number of servers in {servers}",
            "Make them equal: with a lower number, two clusters can form at the first start; "
            "with a higher one, the cluster never starts.",
        )


def _wrong_budgets(cluster: Cluster, servers: Resource, replicas: int) -> Iterator[Violation]:
    if replicas < 2:
        return  # A single server tolerates no loss, so no budget could be right.
    tolerated = tolerated_losses(replicas)
    for budget in cluster.in_namespace("PodDisruptionBudget"):
        if selects(budget.get("spec", "selector"), pod_labels(servers), if_unknown=False):
            evictable = _evictable(budget, replicas)
            if evictable is not None and evictable > tolerated:
                yield Violation(
                    budget,
                    f"lets {evictable} of {replicas} servers be evicted at once",
                    f"at most {tolerated}, so that a majority stays: "
                    f"maxUnavailable {tolerated} or less, or minAvailable {replicas - tolerated} or more",
                    f"Set its spec.maxUnavailable to {tolerated}.",
                )


def _evictable(budget: Resource, replicas: int) -> int | None:
    """Return how many pods a budget lets be evicted at once; None if the preview does not know it."""
    unavailable, available = budget.get("spec", "maxUnavailable"), budget.get("spec", "minAvailable")
    if unavailable is not None:
        return _amount(unavailable, replicas)
    kept = _amount(available, replicas) if available is not None else 0
    return None if kept is None else max(0, replicas - kept)


def _amount(value: Any, replicas: int) -> int | None:
    """Return a number of pods. Kubernetes rounds a percentage up. None if the value is neither."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        return math.ceil(replicas * int(value[:-1]) / 100)
    return None
