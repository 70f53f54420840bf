"""What the cluster's Kubernetes objects have in common: pods, Jobs, immutable objects, protection."""
