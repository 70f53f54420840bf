"""Names and addresses of a cluster, which are all known in advance.

Every cluster has its own network namespaces, so all clusters use the same addresses.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from tools.devcluster.errors import DevclusterError

MACHINES = IPv4Network("172.30.0.0/24")
CONTROL_PLANE = MACHINES[1]
PODS = IPv4Network("10.244.0.0/16")
SERVICES = IPv4Network("10.96.0.0/16")
API_SERVICE = SERVICES[1]
DNS_SERVICE = SERVICES[10]
CLUSTER_DOMAIN = "cluster.local"
API_PORT = 6443
DEFAULT_NODES = 3
MAX_NODES = 100

_FIRST_NODE = 10
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?")


@dataclass(frozen=True)
class Node:
    """A worker: `number` counts from 1."""

    number: int

    @property
    def name(self) -> str:
        """Return the node's name in Kubernetes, which is also its label kubernetes.io/hostname."""
        return f"node-{self.number}"

    @property
    def address(self) -> IPv4Address:
        """Return the node's address in the cluster's network."""
        return MACHINES[_FIRST_NODE + self.number]

    @property
    def pods(self) -> IPv4Network:
        """Return the addresses of the node's pods."""
        return IPv4Network((int(PODS.network_address) + (self.number << 8), 24))


def plan_nodes(count: int) -> list[Node]:
    """Return the workers node-1 to node-`count`. Raise DevclusterError if the number is not allowed."""
    if not 1 <= count <= MAX_NODES:
        raise DevclusterError(f"{count} nodes cannot be created; allowed: 1 to {MAX_NODES}")
    return [Node(number) for number in range(1, count + 1)]


def check_name(name: str) -> str:
    """Return a cluster's name. Raise DevclusterError if it is not allowed."""
    if not _NAME.fullmatch(name):
        raise DevclusterError(
            f"{name!r} cannot be the name of a cluster; allowed: 1 to 32 lower-case letters, digits and inner dashes"
        )
    return name
