"""Run a real Kubernetes cluster of several nodes on one Linux machine, and inject faults into it.

Nodes are named node-1, node-2, …. Each has an empty folder /mnt/disks/local for PersistentVolumes of type `local`.
docs/devcluster.md describes the whole.
"""
