"""The names, settings and namespace that every part of a cluster needs."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.changes.history import History
from components.naming import Naming
from components.settings import Settings


@dataclass(frozen=True)
class Cluster:
    """A cluster that is being declared.

    `namespace` is the name of the Namespace as an output, so that objects in it are created after it.
    """

    naming: Naming
    settings: Settings
    history: History
    namespace: pulumi.Output[str]

    def metadata(self, name: str | None = None, component: str | None = None) -> ObjectMetaArgsDict:
        """Return the metadata of an object in the namespace. Without `name`, Pulumi generates a unique name."""
        metadata: ObjectMetaArgsDict = {"namespace": self.namespace, "labels": self.naming.labels(component)}
        return {**metadata, "name": name} if name else metadata
