"""The health check, which makes `pulumi up` fail unless the cluster matches the declaration."""
