"""The Secrets and ConfigMaps that the agents read.

All except the bootstrap ConfigMap are immutable and have generated names, so a change restarts only the pods that mount
the changed object.
"""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

from components.agents import agent_config
from components.cluster import Cluster
from components.kubernetes.immutable import create_config_map, create_secret
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
    cluster: Cluster,
    authority: Authority,
    server: Certificate,
    client: Certificate,
    gossip_key: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
) -> AgentFiles:
    """Create the Secrets with certificates and the gossip key, and the ConfigMaps with the agents' configuration."""
    naming, settings = cluster.naming, cluster.settings
    retry_join = naming.host(naming.name)
    credentials = create_secret(
        naming.name,
        cluster,
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
        cluster,
        {
            agent_config.CA_CERTIFICATE: authority.certificate,
            agent_config.CLIENT_CERTIFICATE: client.pem,
            agent_config.CLIENT_PRIVATE_KEY: client.private_key,
        },
        opts,
    )
    gossip = create_secret(
        f"{naming.name}-gossip",
        cluster,
        {agent_config.GOSSIP_FILE: gossip_key.apply(lambda key: agent_config.render(agent_config.gossip_config(key)))},
        opts,
    )
    config = create_config_map(
        naming.name,
        cluster,
        {
            agent_config.SERVER_FILE: agent_config.render(agent_config.server_config(settings, retry_join)),
            agent_config.CLIENT_FILE: agent_config.render(agent_config.client_config(settings, retry_join)),
        },
        opts,
    )
    # Use a fixed name: the pod template then stays the same when the number of servers changes, so no server restarts.
    bootstrap = ConfigMap(
        naming.bootstrap,
        metadata=cluster.metadata(naming.bootstrap),
        data={agent_config.BOOTSTRAP_FILE: agent_config.render(agent_config.bootstrap_config(settings))},
        opts=opts,
    )
    return AgentFiles(credentials, client_credentials, gossip, config, bootstrap)
