"""Day-2 commands for running clusters: `consul-cluster`."""
