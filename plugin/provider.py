"""ConsulCluster for the engine: arguments in, one component, its outputs."""

import json

import pulumi
from pulumi.provider import ConstructResult, Provider

from components.consul_cluster import ConsulCluster
from components.settings import SettingsError
from plugin.arguments import settings_from
from plugin.schema import TYPE, VERSION, package_schema


class ConsulProvider(Provider):
    """Makes ConsulClusters for programs of other projects and languages.

    It is no `component_provider_host`: with that, a bad setting ends in a traceback, an argument it does not know is
    dropped without a word, and documentation is taken from sources only, so every setting would be written down twice.
    """

    def __init__(self) -> None:
        super().__init__(VERSION, json.dumps(package_schema()))

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Declare a cluster; settings that cannot be used are the caller's error, before anything is registered."""
        if resource_type != TYPE:
            raise _error(f"there is no {resource_type} here, only {TYPE}")
        try:
            settings = settings_from(inputs)
        except SettingsError as error:
            raise _error(str(error)) from None
        cluster = ConsulCluster(name, settings, options)
        return ConstructResult(cluster.urn, cluster.outputs())


def _error(message: str) -> pulumi.InputPropertiesError:
    """An error which the engine shows as it is: the message says all, and the list may be empty but not missing."""
    return pulumi.InputPropertiesError(message, [])
