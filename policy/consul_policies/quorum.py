"""The number of servers, the number that they expect at the first start, and how many may be evicted at once."""

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
    """Yield servers that cannot elect a leader, or that an eviction may leave without a majority."""
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
            "An even number tolerates no more losses than one server less: set serverReplicas of the ConsulCluster.",
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
            "With fewer, a new cluster can start as two; with more, it never starts.",
        )


def _wrong_budgets(cluster: Cluster, servers: Resource, replicas: int) -> Iterator[Violation]:
    if replicas < 2:
        return  # One server tolerates no loss, whatever a budget allows.
    tolerated = tolerated_losses(replicas)
    for budget in cluster.neighbours("PodDisruptionBudget"):
        if selects(budget.get("spec", "selector"), pod_labels(servers), unknown=False):
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
    """How many pods a budget lets go; None where it is not known."""
    unavailable, available = budget.get("spec", "maxUnavailable"), budget.get("spec", "minAvailable")
    if unavailable is not None:
        return _amount(unavailable, replicas)
    kept = _amount(available, replicas) if available is not None else 0
    return None if kept is None else max(0, replicas - kept)


def _amount(value: Any, replicas: int) -> int | None:
    """A number of pods; Kubernetes rounds a percentage up."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        return math.ceil(replicas * int(value[:-1]) / 100)
    return None
