"""The pods that resources make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .resources import Resource
from .values import dig, mapping, plain, sequence

_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(
        ("DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"), ("spec", "template")
    ),
}


@dataclass(frozen=True)
class Container:
    """A container of a pod, and where it is among its pod's, such as `containers[0]`."""

    path: str
    properties: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, or where it is."""
        return str(dig(self.properties, "name") or self.path)

    def variable(self, index: int) -> str:
        """The name of an environment variable, by its place."""
        return str(dig(sequence(dig(self.properties, "env"))[index], "name"))


def makes_pods(resource: Resource) -> bool:
    """Whether a resource makes pods."""
    return resource.kubernetes and resource.kind in _TEMPLATES


def pod_labels(resource: Resource) -> Mapping[str, Any]:
    """The labels of a resource's pods; empty where it makes none."""
    return mapping(_pod(resource, "metadata", "labels"))


def pod_spec(resource: Resource, *path: str) -> Any:
    """What a resource's pods have at a path below their `spec`; None where it makes none."""
    return _pod(resource, "spec", *path)


def containers(resource: Resource) -> Sequence[Container]:
    """The containers of a resource's pods, those that run first included."""
    return [
        Container(f"{field}[{index}]", mapping(container))
        for field in ("initContainers", "containers")
        for index, container in enumerate(sequence(pod_spec(resource, field)))
    ]


def _pod(resource: Resource, *path: str) -> Any:
    if not makes_pods(resource):
        return None
    return plain(resource.get(*_TEMPLATES[resource.kind], *path))
