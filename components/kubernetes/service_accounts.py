"""ServiceAccounts without permissions: one for each role and Job."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core.v1 import ServiceAccount

from components.naming import Naming
from components.settings import Settings


def create_service_accounts(
    naming: Naming, settings: Settings, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> Sequence[ServiceAccount]:
    """Create the ServiceAccounts of servers, clients and Jobs. None has an RBAC binding, and no token is mounted."""
    return [
        ServiceAccount(
            name,
            metadata={"name": name, "namespace": namespace, "labels": naming.labels()},
            automount_service_account_token=False,
            opts=opts,
        )
        for name in (naming.name, naming.clients, *naming.jobs(settings))
    ]
