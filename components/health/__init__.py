"""The check that fails `pulumi up` unless the cluster is as declared."""
