"""Resource options that protect a production stack's data and keys."""

import pulumi


def protected(opts: pulumi.ResourceOptions, *, when: bool) -> pulumi.ResourceOptions:
    """Return options that make previews and updates refuse to delete or replace a resource."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=when))


def retained(opts: pulumi.ResourceOptions, *, when: bool) -> pulumi.ResourceOptions:
    """Return options that keep the object in Kubernetes when the resource is deleted or replaced."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=when))
