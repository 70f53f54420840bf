"""The mark of a healthy cluster, which the stack's state has from the first successful health check on. Pure."""

from collections.abc import Mapping
from typing import Any

from components.settings import Settings

SUFFIX = "-healthy"
"""The end of the mark's name; the beginning is the component's name."""


def healthy_mark(settings: Settings) -> dict[str, Any]:
    """Return the mark: the gossip keys that the health check has confirmed of every member, and their number."""
    return {
        "gossipKeys": list(settings.gossip_keys),
        "members": settings.server_replicas + settings.client_replicas,
    }


def confirmed(value: Any) -> Mapping[str, Any]:
    """Return what a mark says; `value` is None if the state has no mark, as in early versions."""
    # Before there were generations of keys, the mark was `true`.
    return {"gossipKeys": [1]} if value in (None, True) else value
