"""The stack: read the settings, create one ConsulCluster, export its outputs."""

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from components import ConsulCluster, Settings, SettingsError
from components.identity import PROJECT

# Read all keys of the stack's configuration, because `pulumi.Config` cannot list them and an unknown key is an error.
config = {
    key.removeprefix(f"{PROJECT}:"): value
    for key, value in {**get_config_env(), **CONFIG.get()}.items()
    if key.startswith(f"{PROJECT}:")
}
try:
    settings = Settings.parse(config, [key for key in config if is_config_secret(f"{PROJECT}:{key}")])
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

cluster = ConsulCluster("consul", settings)
for name, value in cluster.outputs().items():
    pulumi.export(name, value)
