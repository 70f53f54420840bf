"""The ConsulClusters of a stack."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.identity import AGENT, CLIENT, COMPONENT_LABEL, COMPONENT_TYPE, INSTANCE_LABEL, NAME_LABEL, SERVER

from .pods import makes_pods, pod_labels
from .resources import Resource
from .selectors import has_labels


@dataclass(frozen=True)
class Cluster:
    """One ConsulCluster and the stack that it is in."""

    component: Resource
    parts: Sequence[Resource]
    stack: Sequence[Resource]

    @property
    def name(self) -> str:
        """The component's name, which its objects' names start with."""
        return self.component.name

    @property
    def production(self) -> bool:
        """Whether the rules for production apply: they do unless the component says that it is for development."""
        return self.component.get("environment") != "development"

    @property
    def namespace(self) -> str | None:
        """The namespace of its objects; None where only the update will make it."""
        namespace = self.component.get("namespace")
        return namespace if isinstance(namespace, str) else None

    @property
    def servers(self) -> Sequence[Resource]:
        """What makes its servers' pods."""
        return self._agents(SERVER)

    @property
    def agents(self) -> Sequence[Resource]:
        """What makes its agents' pods, servers and clients."""
        return [*self.servers, *self._agents(CLIENT)]

    def neighbours(self, *kinds: str) -> Sequence[Resource]:
        """The objects of some kinds in its namespace, those outside of the component included."""
        return [
            resource
            for resource in self.stack
            if resource.kubernetes
            and resource.kind in kinds
            and (resource in self.parts or resource.namespace == self.namespace)
        ]

    def _agents(self, component: str) -> Sequence[Resource]:
        labels = {NAME_LABEL: AGENT, INSTANCE_LABEL: self.name, COMPONENT_LABEL: component}
        return [part for part in self.parts if makes_pods(part) and has_labels(pod_labels(part), labels)]


def clusters(stack: Sequence[Resource]) -> Iterator[Cluster]:
    """The ConsulClusters of a stack, each with what has it as ancestor."""
    by_urn = {resource.urn: resource for resource in stack}
    for component in stack:
        if component.type == COMPONENT_TYPE:
            parts = [resource for resource in stack if _below(component, resource, by_urn)]
            yield Cluster(component, parts, stack)


def _below(component: Resource, resource: Resource, by_urn: Mapping[str, Resource]) -> bool:
    ancestor = by_urn.get(resource.parent)
    while ancestor and ancestor != component:
        ancestor = by_urn.get(ancestor.parent)
    return ancestor == component
