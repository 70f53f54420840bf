"""A Consul cluster on Kubernetes as a Pulumi component."""
