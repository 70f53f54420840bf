"""A Consul cluster on Kubernetes as a Pulumi component: `from components import ConsulCluster, Settings`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.consul_cluster import ConsulCluster
    from components.outputs import Outputs
    from components.settings import Settings, SettingsError

__all__ = ["ConsulCluster", "Outputs", "Settings", "SettingsError"]

_MODULES = {
    "ConsulCluster": "consul_cluster",
    "Outputs": "outputs",
    "Settings": "settings",
    "SettingsError": "settings",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: the pure modules are used without Pulumi as well (PEP 562)."""
    if name in _MODULES:
        return getattr(import_module(f"components.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
