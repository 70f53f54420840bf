"""Rules between settings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.quorum import tolerated_losses

if TYPE_CHECKING:
    from components.settings.table import Settings


def misfits(settings: Settings) -> Iterator[str]:
    """Yield the name of each field whose value is valid alone but does not fit the other settings."""
    servers, nodes = settings.server_replicas, settings.storage_nodes
    too_few_nodes = not settings.storage_class and len(nodes) < servers
    if servers % 2 == 0 or (settings.production and not tolerated_losses(servers)):
        yield "server_replicas"
    elif settings.storage_class and nodes:
        yield "storage_class"
    elif too_few_nodes or (settings.production and len(set(nodes)) < len(nodes)):
        yield "storage_nodes"
    if settings.certificate_validity_hours > settings.ca_validity_hours:
        yield "certificate_validity_hours"
    if settings.certificate_renewal_hours >= settings.certificate_validity_hours:
        yield "certificate_renewal_hours"
    if settings.ingress_enabled and settings.production:
        yield "ingress_enabled"
    elif settings.ingress_enabled and not settings.ingress_host:
        yield "ingress_host"
    if settings.production and not settings.acl_enabled:
        yield "acl_enabled"
    entries = settings.service_tokens
    if len(set(entries)) < len(entries) or (entries and not settings.acl_enabled):
        yield "service_tokens"
    if settings.monitoring != "none" and not settings.monitoring_namespace:
        yield "monitoring_namespace"
