"""The Secrets and ConfigMaps that the agents read.

All are immutable and have generated names, so a change restarts only the pods that mount the changed object; except the
ConfigMaps that servers read only when they start.
"""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret, Service

from components.agents import agent_config
from components.cluster import Cluster
from components.kubernetes.immutable import create_config_map, create_secret
from components.network.services import Services
from components.trust.authority import Authority, Certificate


@dataclass(frozen=True)
class AgentFiles:
    """The objects whose keys become files in the agents' pods."""

    credentials: Secret
    client_credentials: Secret
    gossip: Secret
    config: ConfigMap


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
    return AgentFiles(credentials, client_credentials, gossip, config)


def create_start_files(cluster: Cluster, services: Services, opts: pulumi.ResourceOptions) -> list[ConfigMap]:
    """Create the ConfigMaps that depend on the number of servers, and that a server reads only when it starts.

    They have fixed names: the pod template then stays the same when the number changes, so no server restarts. `opts`
    must make them depend on the pre-flight check: without its address, a server that is to go could not start again.
    """
    naming = cluster.naming
    bootstrap = agent_config.render(agent_config.bootstrap_config(cluster.settings))
    data: dict[str, dict[str, pulumi.Input[str]]] = {
        naming.bootstrap: {agent_config.BOOTSTRAP_FILE: bootstrap},
        naming.addresses: {f"{server}.json": _address_file(service) for server, service in services.by_server.items()},
    }
    return [ConfigMap(name, metadata=cluster.metadata(name), data=files, opts=opts) for name, files in data.items()]


def mark_formed(cluster: Cluster, opts: pulumi.ResourceOptions) -> None:
    """Create the ConfigMap that makes servers without data wait for a leader.

    `opts` must make it depend on the mark of a healthy cluster.
    """
    data = {agent_config.FORMED_FILE: "A server without data waits for a leader.\n"}
    ConfigMap(cluster.naming.formed, metadata=cluster.metadata(cluster.naming.formed), data=data, opts=opts)


def _address_file(service: Service) -> pulumi.Output[str]:
    """Return the file with the address that Kubernetes has assigned to a Service: its primary one, IPv4 or IPv6."""
    return service.spec.cluster_ip.apply(lambda ip: agent_config.render(agent_config.address_config(ip)))
