"""The provider that the engine calls to create a ConsulCluster."""

import json

import pulumi
from pulumi.provider import ConstructResult, Provider

from components.consul_cluster import ConsulCluster
from components.settings import SettingsError
from plugin.arguments import settings_from
from plugin.schema import TYPE, VERSION, package_schema


class ConsulProvider(Provider):
    """Creates ConsulClusters for programs of other projects and in other languages.

    docs/adr/0014-plugin-provider.md explains why it does not use Pulumi's `component_provider_host`.
    """

    def __init__(self) -> None:
        super().__init__(VERSION, json.dumps(package_schema()))

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Create a cluster from the arguments, and return its URN and outputs.

        Raises InputPropertiesError for another type or invalid settings, before any resource is registered.
        """
        if resource_type != TYPE:
            raise _error(f"{resource_type} is not a resource type of this package; allowed: {TYPE}")
        try:
            settings = settings_from(inputs)
        except SettingsError as error:
            raise _error(str(error)) from None
        cluster = ConsulCluster(name, settings, options)
        return ConstructResult(cluster.urn, cluster.outputs())


def _error(message: str) -> pulumi.InputPropertiesError:
    """Return an error whose message the engine shows unchanged. The SDK requires the second argument, a list."""
    return pulumi.InputPropertiesError(message, [])
