"""Resources of a stack, and what a policy has to say of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .values import dig, mapping


@dataclass(frozen=True)
class Resource:
    """What a stack declares, by its inputs."""

    urn: str
    type: str
    properties: Mapping[str, Any] = field(repr=False)
    protected: bool = False
    parent: str = ""
    made_from: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """The URNs of the resources that each property comes from."""

    def get(self, *path: str) -> Any:
        """The property at a path of keys; see `dig`."""
        return dig(self.properties, *path)

    @property
    def kubernetes(self) -> bool:
        """Whether it is an object of Kubernetes."""
        return self.type.startswith("kubernetes:")

    @property
    def kind(self) -> str:
        """Its kind in Kubernetes, else the last part of its type."""
        kind = self.get("kind")
        return kind if self.kubernetes and isinstance(kind, str) else self.type.rpartition(":")[2]

    @property
    def name(self) -> str:
        """Its name in Kubernetes, else in Pulumi."""
        name = self.get("metadata", "name")
        return name if self.kubernetes and isinstance(name, str) else self.urn.rpartition("::")[2]

    @property
    def namespace(self) -> Any:
        """Its namespace; UNKNOWN where only the update will make it."""
        return self.get("metadata", "namespace") or "default"

    @property
    def labels(self) -> Mapping[str, Any]:
        """Its labels."""
        return mapping(self.get("metadata", "labels"))

    def __str__(self) -> str:
        """As in `Service consul/consul-ui`."""
        namespace = self.get("metadata", "namespace")
        return f"{self.kind} {namespace}/{self.name}" if isinstance(namespace, str) else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Violation:
    """What is wrong with a resource: the value found, what is allowed instead, and what to do."""

    resource: Resource
    found: str
    allowed: str
    remedy: str

    def __str__(self) -> str:
        """One sentence for the person at the terminal; never with a secret's value."""
        return f"{self.resource}: {self.found}; allowed: {self.allowed}. {self.remedy}"
