"""ServiceAccounts without permissions: one for each role and Job."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core.v1 import ServiceAccount

from components.cluster import Cluster


def create_service_accounts(cluster: Cluster, opts: pulumi.ResourceOptions) -> Sequence[ServiceAccount]:
    """Create the ServiceAccounts of servers, clients and Jobs. None has an RBAC binding, and no token is mounted."""
    naming = cluster.naming
    return [
        ServiceAccount(name, metadata=cluster.metadata(name), automount_service_account_token=False, opts=opts)
        for name in (naming.name, naming.clients, *naming.jobs(cluster.settings))
    ]
