"""Checks of what a stack with a ConsulCluster declares; all but `registration` know nothing of Pulumi's SDK."""
