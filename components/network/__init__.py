"""Services, NetworkPolicies and the UI's Ingress."""
