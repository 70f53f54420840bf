"""The Secrets and ConfigMaps that the agents read.

Most are immutable and have generated names, so a change restarts only the pods that mount the object. The others have
fixed names, and a change restarts no pod: the Secrets with certificates, which agents reload, the Secret with the
gossip keys, which the health check changes in running agents, and the ConfigMaps that servers read when they start.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret, SecretPatch, Service

from components.agents import agent_config
from components.cluster import Cluster
from components.kubernetes.filled_secret import fill_secret
from components.kubernetes.immutable import create_config_map
from components.network.services import Services
from components.parallelism import known_after
from components.trust.authority import Authority, Certificate
from components.trust.keys import Keys


@dataclass(frozen=True)
class AgentFiles:
    """The objects whose keys become files in the agents' pods.

    `server_secret` and `client_secret` are the names of the Secrets with the certificates, which `fill_secrets` fills.
    `gossip_secret` is that of the Secret with the gossip keys, which `create_start_files` creates.
    """

    server_certificate: Certificate
    client_certificate: Certificate
    server_secret: pulumi.Output[str]
    client_secret: pulumi.Output[str]
    gossip_secret: str
    config: ConfigMap


def create_agent_files(
    cluster: Cluster, server: Certificate, client: Certificate, opts: pulumi.ResourceOptions
) -> AgentFiles:
    """Create the Secrets for the certificates, still empty, and the ConfigMap with the agents' configuration."""
    naming, settings = cluster.naming, cluster.settings
    retry_join = naming.host(naming.name)
    server_secret, client_secret = (
        Secret(name, metadata=cluster.metadata(name), opts=opts).metadata.name for name in (naming.name, naming.clients)
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
    return AgentFiles(server, client, server_secret, client_secret, naming.gossip, config)


def fill_secrets(
    cluster: Cluster,
    files: AgentFiles,
    authority: Authority,
    keys: Keys,
    after: Sequence[pulumi.CustomResource],
    opts: pulumi.ResourceOptions,
) -> list[SecretPatch]:
    """Fill the Secrets with the certificates, after other resources. Pods and Jobs must depend on the result."""
    server: dict[str, pulumi.Output[str]] = {
        agent_config.GOSSIP_KEY: keys.primary_gossip_key,
        agent_config.CA_CERTIFICATE: authority.certificates,
        agent_config.SERVER_CERTIFICATE: files.server_certificate.pem,
        agent_config.SERVER_PRIVATE_KEY: files.server_certificate.private_key,
    }
    client: dict[str, pulumi.Output[str]] = {
        agent_config.CA_CERTIFICATE: authority.certificates,
        agent_config.CLIENT_CERTIFICATE: files.client_certificate.pem,
        agent_config.CLIENT_PRIVATE_KEY: files.client_certificate.private_key,
    }
    naming = cluster.naming
    return [
        fill_secret(naming.name, cluster, known_after(after, files.server_secret), server, opts),
        fill_secret(naming.clients, cluster, known_after(after, files.client_secret), client, opts),
    ]


def create_start_files(
    cluster: Cluster, services: Services, keys: Keys, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Create the objects that agents read only when they start: the gossip keys, and files that depend on the servers.

    They have fixed names: the pod templates then stay the same when the keys or the number of servers change, so no
    agent restarts. `opts` must make them depend on the pre-flight check: before it, a server that is to go still needs
    its address, and the members may lack the new primary key, so a new pod could not join.
    """
    naming = cluster.naming
    bootstrap = agent_config.render(agent_config.bootstrap_config(cluster.settings))
    data: dict[str, dict[str, pulumi.Input[str]]] = {
        naming.bootstrap: {agent_config.BOOTSTRAP_FILE: bootstrap},
        naming.addresses: {f"{server}.json": _address_file(service) for server, service in services.by_server.items()},
    }
    gossip = Secret(naming.gossip, metadata=cluster.metadata(naming.gossip), opts=opts)
    return [
        *(ConfigMap(name, metadata=cluster.metadata(name), data=files, opts=opts) for name, files in data.items()),
        fill_secret(naming.gossip, cluster, gossip.metadata.name, {agent_config.KEYRING_FILE: keys.keyring}, opts),
    ]


def mark_formed(cluster: Cluster, opts: pulumi.ResourceOptions) -> None:
    """Create the ConfigMap that makes servers without data wait for a leader.

    `opts` must make it depend on the mark of a healthy cluster.
    """
    data = {agent_config.FORMED_FILE: "A server without data waits for a leader.\n"}
    ConfigMap(cluster.naming.formed, metadata=cluster.metadata(cluster.naming.formed), data=data, opts=opts)


def _address_file(service: Service) -> pulumi.Output[str]:
    """Return the file with the address that Kubernetes has assigned to a Service: its primary one, IPv4 or IPv6."""
    return service.spec.cluster_ip.apply(lambda ip: agent_config.render(agent_config.address_config(ip)))
