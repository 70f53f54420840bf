"""Resources of a stack, and violations of policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .values import dig, mapping


@dataclass(frozen=True)
class Resource:
    """A resource that a stack declares; `properties` are its inputs."""

    urn: str
    type: str
    properties: Mapping[str, Any] = field(repr=False)
    protected: bool = False
    parent: str = ""
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """For each property, the URNs of the resources whose outputs it uses."""

    def get(self, *path: str) -> Any:
        """Return the property at a path of keys; see `dig`."""
        return dig(self.properties, *path)

    @property
    def kubernetes(self) -> bool:
        """Return whether it is a Kubernetes object."""
        return self.type.startswith("kubernetes:")

    @property
    def kind(self) -> str:
        """Return its Kubernetes kind, or the last part of its type if it has none."""
        kind = self.get("kind")
        return kind if self.kubernetes and isinstance(kind, str) else self.type.rpartition(":")[2]

    @property
    def name(self) -> str:
        """Return its Kubernetes name, or its Pulumi name if it has none."""
        name = self.get("metadata", "name")
        return name if self.kubernetes and isinstance(name, str) else self.urn.rpartition("::")[2]

    @property
    def namespace(self) -> Any:
        """Return its namespace; UNKNOWN if only the update will know it."""
        return self.get("metadata", "namespace") or "default"

    @property
    def labels(self) -> Mapping[str, Any]:
        """Return its labels."""
        return mapping(self.get("metadata", "labels"))

    def __str__(self) -> str:
        """Return kind, namespace and name, such as `Service consul/consul-ui`."""
        namespace = self.get("metadata", "namespace")
        return f"{self.kind} {namespace}/{self.name}" if isinstance(namespace, str) else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Violation:
    """A violation of a policy: the resource, what was found, what is allowed, and what to do."""

    resource: Resource
    found: str
    allowed: str
    remedy: str

    def __str__(self) -> str:
        """Return the message for the user. It never contains the value of a secret."""
        return f"{self.resource}: {self.found}; allowed: {self.allowed}. {self.remedy}"
