"""The Secrets and ConfigMaps that the agents read.

All but the bootstrap file are immutable and named by Pulumi: a change makes a new object first and then rolls
exactly the pods that use it, while pods that still run keep the one they started with.
"""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

from components import agent_config
from components.naming import Naming
from components.pki import Pki
from components.settings import Settings


@dataclass(frozen=True)
class AgentFiles:
    """The objects whose keys become files in the agents' pods."""

    credentials: Secret
    gossip: Secret
    config: ConfigMap
    bootstrap: ConfigMap


def create_agent_files(
    naming: Naming,
    settings: Settings,
    pki: Pki,
    gossip_key: pulumi.Output[str],
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> AgentFiles:
    """Secret `<name>` with the certificates and the gossip key, ConfigMap `<name>` with the roles' configuration."""
    retry_join = naming.host(naming.name)
    labels = naming.labels()
    credentials = Secret(
        naming.name,
        metadata={"namespace": namespace, "labels": labels},
        immutable=True,
        string_data={
            agent_config.GOSSIP_KEY: gossip_key,
            agent_config.CA_CERTIFICATE: pki.ca_certificate,
            agent_config.SERVER_CERTIFICATE: pki.server_certificate,
            agent_config.SERVER_PRIVATE_KEY: pki.server_private_key,
        },
        opts=opts,
    )
    gossip = Secret(
        f"{naming.name}-gossip",
        metadata={"namespace": namespace, "labels": labels},
        immutable=True,
        string_data={
            agent_config.GOSSIP_FILE: gossip_key.apply(lambda key: agent_config.render(agent_config.gossip_config(key)))
        },
        opts=opts,
    )
    config = ConfigMap(
        naming.name,
        metadata={"namespace": namespace, "labels": labels},
        immutable=True,
        data={
            agent_config.SERVER_FILE: agent_config.render(agent_config.server_config(settings, retry_join)),
            agent_config.CLIENT_FILE: agent_config.render(agent_config.client_config(settings, retry_join)),
        },
        opts=opts,
    )
    # Its name is fixed, so that a change of the number of servers restarts none of them.
    bootstrap = ConfigMap(
        naming.bootstrap,
        metadata={"name": naming.bootstrap, "namespace": namespace, "labels": labels},
        data={agent_config.BOOTSTRAP_FILE: agent_config.render(agent_config.bootstrap_config(settings))},
        opts=opts,
    )
    return AgentFiles(credentials, gossip, config, bootstrap)
