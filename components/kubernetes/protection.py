"""Resource options that protect a production stack's data and keys."""

import pulumi

from components.settings import Settings


def protected(settings: Settings, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """Return options that in production make previews and updates refuse to delete or replace a resource."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=settings.production))


def retained(settings: Settings, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """Return options that in production also keep the object in Kubernetes when the stack is destroyed."""
    return protected(
        settings, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=settings.production))
    )
