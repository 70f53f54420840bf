"""A Consul cluster on Kubernetes as a Pulumi component: `from components import ConsulCluster, Settings`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.consul_cluster import ConsulCluster
    from components.settings import Settings, SettingsError

__all__ = ["ConsulCluster", "Settings", "SettingsError"]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: the pure modules below are used without Pulumi as well (PEP 562)."""
    if name == "ConsulCluster":
        from components.consul_cluster import ConsulCluster

        return ConsulCluster
    if name in __all__:
        from components import settings

        return getattr(settings, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
