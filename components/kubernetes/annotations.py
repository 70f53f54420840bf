"""Annotations that Pulumi's Kubernetes provider reads."""

# Do not wait until the object is ready.
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}

# Overwrite fields that others have changed, such as the replicas after `kubectl scale`. Without it, the update fails
# with a field conflict.
PATCH_FORCE = {"pulumi.com/patchForce": "true"}
