"""The ConsulClusters of a stack, and the resources that belong to each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.identity import AGENT, CLIENT, COMPONENT_LABEL, COMPONENT_TYPE, INSTANCE_LABEL, NAME_LABEL, SERVER

from .pods import creates_pods, pod_labels
from .resources import Resource
from .selectors import has_labels
from .values import mapping

_STASH = "pulumi:index:Stash"


@dataclass(frozen=True)
class Cluster:
    """A ConsulCluster: the component, the resources below it, and all resources of its stack."""

    component: Resource
    parts: Sequence[Resource]
    stack: Sequence[Resource]

    @property
    def name(self) -> str:
        """Return the component's name, with which the names of its Kubernetes objects begin."""
        return self.component.name

    @property
    def production(self) -> bool:
        """Return whether the rules for production apply: always, unless `environment` is `development`."""
        return self.component.get("environment") != "development"

    @property
    def record(self) -> Mapping[str, Any]:
        """Return what the component recorded about the cluster (components/changes/history.py)."""
        found = next((part for part in self.parts if part.type == _STASH and part.name == self.name), None)
        return mapping(found.get("input")) if found else {}

    @property
    def namespace(self) -> str | None:
        """Return the namespace of its objects; None if only the update will know it."""
        namespace = self.component.get("namespace")
        return namespace if isinstance(namespace, str) else None

    @property
    def servers(self) -> Sequence[Resource]:
        """Return the resources that create the servers' pods: usually one StatefulSet."""
        return self._agents(SERVER)

    @property
    def agents(self) -> Sequence[Resource]:
        """Return the resources that create the pods of servers and clients."""
        return [*self.servers, *self._agents(CLIENT)]

    def in_namespace(self, *kinds: str) -> Sequence[Resource]:
        """Return the objects of some kinds in the cluster's namespace, inside and outside the component."""
        return [
            resource
            for resource in self.stack
            if resource.kubernetes
            and resource.kind in kinds
            and (resource in self.parts or resource.namespace == self.namespace)
        ]

    def _agents(self, component: str) -> Sequence[Resource]:
        labels = {NAME_LABEL: AGENT, INSTANCE_LABEL: self.name, COMPONENT_LABEL: component}
        return [part for part in self.parts if creates_pods(part) and has_labels(pod_labels(part), labels)]


def clusters(stack: Sequence[Resource]) -> Iterator[Cluster]:
    """Yield the ConsulClusters of a stack, each with all its descendants as `parts`."""
    by_urn = {resource.urn: resource for resource in stack}
    for component in stack:
        if component.type == COMPONENT_TYPE:
            parts = [resource for resource in stack if _is_descendant(component, resource, by_urn)]
            yield Cluster(component, parts, stack)


def _is_descendant(component: Resource, resource: Resource, by_urn: Mapping[str, Resource]) -> bool:
    ancestor = by_urn.get(resource.parent)
    while ancestor and ancestor != component:
        ancestor = by_urn.get(ancestor.parent)
    return ancestor == component
