"""Who the pods are to Kubernetes: a ServiceAccount a role, none with any right."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core.v1 import ServiceAccount

from components.naming import Naming
from components.settings import Settings


def create_service_accounts(
    naming: Naming, settings: Settings, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> Sequence[ServiceAccount]:
    """The accounts of the servers, the clients and the Jobs; none is bound to a role, and no token is mounted."""
    return [
        ServiceAccount(
            name,
            metadata={"name": name, "namespace": namespace, "labels": naming.labels()},
            automount_service_account_token=False,
            opts=opts,
        )
        for name in (naming.name, naming.clients, *naming.jobs(settings))
    ]
