"""Identifiers of a cluster and its parts: type token, label keys, roles. Pure; policies and the plugin use them."""

PROJECT = "consul-cluster"
"""The Pulumi project: prefix of the settings' keys, and the plugin's package name."""

COMPONENT_TYPE = f"{PROJECT}:index:ConsulCluster"
"""The component's type token. It is part of every URN, so it never changes."""

# https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"

AGENT = "consul"
"""The value of NAME_LABEL for agents. Jobs have another value."""

SERVER = "server"
CLIENT = "client"
"""Values of COMPONENT_LABEL: the two roles of an agent."""

HEALTH = "health"
"""The role of the health check, which has an ACL token like an agent."""
