"""The provider that the engine calls: it creates a ConsulCluster from arguments and returns its outputs."""

import json

import pulumi
from pulumi.provider import ConstructResult, Provider

from components.consul_cluster import ConsulCluster
from components.settings import SettingsError
from plugin.arguments import settings_from
from plugin.schema import TYPE, VERSION, package_schema


class ConsulProvider(Provider):
    """Creates ConsulClusters for programs of other projects and languages.

    Pulumi's `component_provider_host` does not fit: it reports an invalid setting with a traceback, ignores unknown
    arguments, and takes documentation from source code only, so that each setting would be documented twice.
    """

    def __init__(self) -> None:
        super().__init__(VERSION, json.dumps(package_schema()))

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Declare a cluster; raises InputPropertiesError for invalid settings, before any resource is registered."""
        if resource_type != TYPE:
            raise _error(f"{resource_type} is not a resource type of this package; use {TYPE}")
        try:
            settings = settings_from(inputs)
        except SettingsError as error:
            raise _error(str(error)) from None
        cluster = ConsulCluster(name, settings, options)
        return ConstructResult(cluster.urn, cluster.outputs())


def _error(message: str) -> pulumi.InputPropertiesError:
    """Return an error that the engine shows as it is; its list of property errors may be empty but not missing."""
    return pulumi.InputPropertiesError(message, [])
