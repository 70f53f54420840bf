"""The stack: read the settings, make one ConsulCluster, export its outputs."""

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from components.consul_cluster import ConsulCluster
from components.settings import PROJECT, Settings, SettingsError

# All keys of the stack, not those asked for one by one: an unknown key is an error as well.
config = {
    key.removeprefix(f"{PROJECT}:"): value
    for key, value in {**get_config_env(), **CONFIG.get()}.items()
    if key.startswith(f"{PROJECT}:")
}
try:
    settings = Settings.parse(config)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

cluster = ConsulCluster("consul", settings)
for name, value in cluster.outputs().items():
    pulumi.export(name, value)
