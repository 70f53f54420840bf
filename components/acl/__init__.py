"""Consul's ACLs: policies, tokens, and the Job that applies them."""
