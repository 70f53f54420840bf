"""The mark of a healthy cluster, which the stack's state has from the first successful health check on. Pure."""

from collections.abc import Mapping
from typing import Any

from components.settings import Settings
from components.trust.generations import KEY_SETTINGS, declared_generations

SUFFIX = "-healthy"
"""The end of the mark's name; the beginning is the component's name."""

# What a mark of an earlier version means, which does not have these.
_DEFAULTS: Mapping[str, Any] = {**{setting: [1] for setting in KEY_SETTINGS}, "removedCas": 0, "clientsRestartedFor": 0}


def healthy_mark(settings: Settings, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mark: what the health check has confirmed of every agent, and the number of agents.

    `before` is what it confirmed last, or empty. `removedCas` counts the CAs that the agents no longer read from their
    files. `clientsRestartedFor` is its value with which the running clients have started: if it is smaller, they may
    still trust a removed CA (components/agents/README.md, The CA).
    """
    removed = int(before.get("removedCas", 0))
    newly_removed = {int(generation) for generation in before.get("caKeys", ())} - {*settings.ca_keys}
    return {
        **declared_generations(settings),
        "aclEnabled": settings.acl_enabled,
        "members": settings.server_replicas + settings.client_replicas,
        "removedCas": removed + len(newly_removed),
        "clientsRestartedFor": removed,
    }


def confirmed(value: Any) -> Mapping[str, Any]:
    """Return what a mark says; `value` is None if the state has no mark, as in early versions."""
    # The mark was `true` at first, and then had the gossip keys alone.
    return {**_DEFAULTS, **(value if isinstance(value, Mapping) else {})}
