"""Policy budget-and-spread: servers have a PodDisruptionBudget, and are spread over nodes."""

from collections.abc import Iterator, Sequence

from .clusters import Cluster, clusters
from .pods import pod_labels, pod_spec
from .resources import Resource, Violation
from .selectors import selects
from .values import UNKNOWN, dig, leaves, sequence

_NODE = "kubernetes.io/hostname"


def missing_budget_or_spread(stack: Sequence[Resource]) -> Iterator[Violation]:
    """Yield servers, if there are several, that draining or losing a node could stop together."""
    for cluster in clusters(stack):
        for servers in cluster.servers:
            if servers.get("spec", "replicas") not in (None, 0, 1):
                yield from _missing_budget(cluster, servers)
                yield from _missing_spread(cluster, servers)


def _missing_budget(cluster: Cluster, servers: Resource) -> Iterator[Violation]:
    labels = pod_labels(servers)
    budgets = cluster.in_namespace("PodDisruptionBudget")
    if not any(selects(budget.get("spec", "selector"), labels, if_unknown=True) for budget in budgets):
        yield Violation(
            servers,
            "no PodDisruptionBudget selects its pods",
            f"one in the namespace {cluster.namespace} that selects its pods' labels",
            "Add it: without it, draining nodes may stop the majority of the servers at once.",
        )


def _missing_spread(cluster: Cluster, servers: Resource) -> Iterator[Violation]:
    spread = _spread(servers)
    if spread is UNKNOWN or spread == "required" or (spread == "preferred" and not cluster.production):
        return
    yield Violation(
        servers,
        f"its pods' spread over nodes is {spread}",
        f"a topology spread of maxSkew 1 over {_NODE} with whenUnsatisfiable DoNotSchedule, "
        "or required pod anti-affinity; in development also ScheduleAnyway or preferred",
        "Spread the servers, so that losing one node never stops the majority of them.",
    )


def _spread(servers: Resource) -> object:
    """Return how strictly a resource's pods are spread over nodes: `required`, `preferred`, `missing` or UNKNOWN."""
    labels = pod_labels(servers)
    spreads = pod_spec(servers, "topologySpreadConstraints")
    affinity = pod_spec(servers, "affinity", "podAntiAffinity")
    required = dig(affinity, "requiredDuringSchedulingIgnoredDuringExecution")
    preferred = dig(affinity, "preferredDuringSchedulingIgnoredDuringExecution")
    terms = [("required", term) for term in sequence(required)]
    terms += [("preferred", dig(term, "podAffinityTerm")) for term in sequence(preferred)]
    for constraint in sequence(spreads):
        strict = dig(constraint, "whenUnsatisfiable") in ("DoNotSchedule", None) and dig(constraint, "maxSkew") == 1
        terms.append(("required" if strict else "preferred", constraint))
    found = {
        strength
        for strength, term in terms
        if dig(term, "topologyKey") == _NODE and selects(dig(term, "labelSelector"), labels, if_unknown=True)
    }
    if "required" not in found and any(leaf.value is UNKNOWN for part in (spreads, affinity) for leaf in leaves(part)):
        return UNKNOWN
    return next((strength for strength in ("required", "preferred") if strength in found), "missing")
