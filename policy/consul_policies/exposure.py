"""Policy no-exposed-ui: in production, nothing outside the Kubernetes cluster can reach the agents' UI and API."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .clusters import Cluster, clusters
from .pods import containers, pod_labels, pod_spec
from .resources import Resource, Violation
from .selectors import has_labels
from .values import dig, mapping, sequence

# By kind of route: the list below `spec`, and the list in each of its items that names the Services.
_ROUTES = {
    # https://gateway-api.sigs.k8s.io/reference/spec/
    **dict.fromkeys(("GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute"), ("rules", "backendRefs")),
    # https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/crd/http/ingressroute/
    **dict.fromkeys(("IngressRoute", "IngressRouteTCP", "IngressRouteUDP"), ("routes", "services")),
}

# https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-name-label
_POD_NAME, _POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"

_INSTEAD = "Reach the UI with `kubectl port-forward` instead."


def exposed_ui(stack: Sequence[Resource]) -> Iterator[Violation]:
    """Yield Services, Ingresses, routes and node ports that lead to the agents of a production cluster."""
    for cluster in clusters(stack):
        if cluster.production:
            yield from _open_services(cluster)
            yield from _open_routes(cluster)
            yield from _open_pods(cluster)


def _services(cluster: Cluster) -> Sequence[Resource]:
    """Return the Services that select a cluster's agents, inside and outside the component."""
    return [
        service
        for service in cluster.in_namespace("Service")
        if (selector := mapping(service.get("spec", "selector")))
        and any(_selects_some(selector, agents) for agents in cluster.agents)
    ]


def _selects_some(selector: Mapping[str, Any], agents: Resource) -> bool:
    """Return whether a Service's selector selects some of a resource's pods.

    Besides the labels of the pod template, a StatefulSet's pods have labels with their name and index.
    """
    given = {_POD_NAME: rf"{re.escape(agents.name)}-\d+", _POD_INDEX: r"\d+"} if agents.kind == "StatefulSet" else {}
    rest = {
        key: value for key, value in selector.items() if key not in given or not re.fullmatch(given[key], str(value))
    }
    return has_labels(pod_labels(agents), rest)


def _open_services(cluster: Cluster) -> Iterator[Violation]:
    for service in _services(cluster):
        kind = service.get("spec", "type")
        if kind in ("LoadBalancer", "NodePort"):
            yield Violation(
                service,
                f"spec.type {kind} opens Consul's agents to the outside",
                f"ClusterIP, because ConsulCluster {cluster.name} is for production",
                _INSTEAD,
            )
        if addresses := sequence(service.get("spec", "externalIPs")):
            yield Violation(
                service,
                f"spec.externalIPs ({len(addresses)}) open Consul's agents to the outside",
                "none in production",
                _INSTEAD,
            )


def _open_routes(cluster: Cluster) -> Iterator[Violation]:
    names = {service.name for service in _services(cluster)} | {f"{cluster.name}-ui"}
    for resource in cluster.stack:
        reached = {name for namespace, name in _backends(resource) if namespace == cluster.namespace and name in names}
        for name in sorted(reached):
            yield Violation(
                resource,
                f"leads from the outside to Consul's Service {name}",
                f"no {resource.kind} to Consul's agents in production",
                f"Remove it; if a ConsulCluster creates it, set ingressEnabled to false. {_INSTEAD}",
            )


def _backends(resource: Resource) -> Iterator[tuple[Any, Any]]:
    """Yield the namespace and name of each Service to which an Ingress or a route leads."""
    if resource.kind == "Ingress":
        rules = sequence(resource.get("spec", "rules"))
        backends = [resource.get("spec", "defaultBackend")]
        backends += [dig(path, "backend") for rule in rules for path in sequence(dig(rule, "http", "paths"))]
        yield from ((resource.namespace, dig(backend, "service", "name")) for backend in backends)
    elif resource.kind in _ROUTES:
        rules, backends = _ROUTES[resource.kind]
        for rule in sequence(resource.get("spec", rules)):
            for backend in sequence(dig(rule, backends)):
                yield dig(backend, "namespace") or resource.namespace, dig(backend, "name")


def _open_pods(cluster: Cluster) -> Iterator[Violation]:
    for agents in cluster.agents:
        if pod_spec(agents, "hostNetwork") is True:
            yield Violation(
                agents, "hostNetwork opens Consul's ports on the nodes", "hostNetwork false in production", _INSTEAD
            )
        for container in containers(agents):
            ports = [dig(port, "hostPort") for port in sequence(dig(container.properties, "ports"))]
            for port in (port for port in ports if isinstance(port, int) and port):
                yield Violation(
                    agents,
                    f"hostPort {port} of container {container.name} opens a port of Consul on the nodes",
                    "no hostPort in production",
                    _INSTEAD,
                )
