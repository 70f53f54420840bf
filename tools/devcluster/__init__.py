"""A real Kubernetes cluster of several nodes on one Linux machine, and the faults that tests inject into it.

Nodes are named node-1, node-2, …; each has an empty folder /mnt/disks/local for PersistentVolumes of type `local`.
"""

from tools.devcluster.cluster import Cluster
from tools.devcluster.errors import DevclusterError

__all__ = ["Cluster", "DevclusterError"]
