"""A real Kubernetes cluster of several nodes on one Linux machine, and the faults that tests inject into it."""

from devcluster.cluster import Cluster
from devcluster.errors import DevclusterError

__all__ = ["Cluster", "DevclusterError"]
