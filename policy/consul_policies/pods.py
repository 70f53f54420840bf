"""The pods that resources create."""

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
    """A container, and its path below the pod's `spec`, such as `containers[0]`."""

    path: str
    properties: Any
    """To be read with `dig`: a map, or UNKNOWN if only the update will know it."""

    @property
    def name(self) -> str:
        """Return its name, or its path if it has none."""
        name = dig(self.properties, "name")
        return name if isinstance(name, str) else self.path

    def variable(self, index: int) -> str:
        """Return the name of the environment variable at an index of `env`."""
        return str(dig(sequence(dig(self.properties, "env"))[index], "name"))


def creates_pods(resource: Resource) -> bool:
    """Return whether a resource creates pods."""
    return resource.kubernetes and resource.kind in _TEMPLATES


def pod_labels(resource: Resource) -> Mapping[str, Any]:
    """Return the labels of a resource's pods; empty if it creates none."""
    return mapping(_pod(resource, "metadata", "labels"))


def pod_spec(resource: Resource, *path: str) -> Any:
    """Return the value at a path below the `spec` of a resource's pods; None if it creates none."""
    return _pod(resource, "spec", *path)


def containers(resource: Resource) -> Sequence[Container]:
    """Return the containers of a resource's pods, init containers included."""
    return [
        Container(f"{field}[{index}]", plain(container))
        for field in ("initContainers", "containers")
        for index, container in enumerate(sequence(pod_spec(resource, field)))
    ]


def _pod(resource: Resource, *path: str) -> Any:
    if not creates_pods(resource):
        return None
    return plain(resource.get(*_TEMPLATES[resource.kind], *path))
