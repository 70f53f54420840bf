"""Change the keys of a running cluster, one step after the other."""
