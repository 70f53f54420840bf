"""Annotations that Pulumi's Kubernetes provider reads."""

# Do not wait until the object is ready.
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
