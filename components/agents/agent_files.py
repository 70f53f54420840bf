"""The Secrets and ConfigMaps that the agents read.

All but the bootstrap file are immutable and named by Pulumi: a change rolls exactly the pods that use it.
"""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

from components.agents import agent_config
from components.kubernetes.immutable import create_config_map, create_secret
from components.naming import Naming
from components.settings import Settings
from components.trust.authority import Authority, Certificate


@dataclass(frozen=True)
class AgentFiles:
    """The objects whose keys become files in the agents' pods."""

    credentials: Secret
    client_credentials: Secret
    gossip: Secret
    config: ConfigMap
    bootstrap: ConfigMap


def create_agent_files(
    naming: Naming,
    settings: Settings,
    authority: Authority,
    server: Certificate,
    client: Certificate,
    gossip_key: pulumi.Output[str],
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> AgentFiles:
    """Secret `<name>` with the servers' certificate and the gossip key, Secret `<name>-client` with the clients'
    certificate, ConfigMap `<name>` with the roles' configuration."""
    retry_join = naming.host(naming.name)
    credentials = create_secret(
        naming.name,
        naming,
        namespace,
        {
            agent_config.GOSSIP_KEY: gossip_key,
            agent_config.CA_CERTIFICATE: authority.certificate,
            agent_config.SERVER_CERTIFICATE: server.pem,
            agent_config.SERVER_PRIVATE_KEY: server.private_key,
        },
        opts,
    )
    client_credentials = create_secret(
        naming.clients,
        naming,
        namespace,
        {
            agent_config.CA_CERTIFICATE: authority.certificate,
            agent_config.CLIENT_CERTIFICATE: client.pem,
            agent_config.CLIENT_PRIVATE_KEY: client.private_key,
        },
        opts,
    )
    gossip = create_secret(
        f"{naming.name}-gossip",
        naming,
        namespace,
        {agent_config.GOSSIP_FILE: gossip_key.apply(lambda key: agent_config.render(agent_config.gossip_config(key)))},
        opts,
    )
    config = create_config_map(
        naming.name,
        naming,
        namespace,
        {
            agent_config.SERVER_FILE: agent_config.render(agent_config.server_config(settings, retry_join)),
            agent_config.CLIENT_FILE: agent_config.render(agent_config.client_config(settings, retry_join)),
        },
        opts,
    )
    # Its name is fixed, so that a change of the number of servers restarts none of them.
    bootstrap = ConfigMap(
        naming.bootstrap,
        metadata={"name": naming.bootstrap, "namespace": namespace, "labels": naming.labels()},
        data={agent_config.BOOTSTRAP_FILE: agent_config.render(agent_config.bootstrap_config(settings))},
        opts=opts,
    )
    return AgentFiles(credentials, client_credentials, gossip, config, bootstrap)
