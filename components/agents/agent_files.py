"""The Secrets and ConfigMaps that the agents read.

Most are immutable and have generated names, so a change restarts only the pods that mount the object. The others have
fixed names, and a change restarts no pod: the Secrets with certificates, which agents reload, the Secret with the
gossip keys, which the health check changes in running agents, and the ConfigMaps that servers read when they start.
"""

import base64
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret, SecretPatch, Service

from components.agents import agent_config
from components.cluster import Cluster
from components.kubernetes.annotations import PATCH_FORCE
from components.kubernetes.immutable import create_config_map
from components.kubernetes.protection import retained
from components.network.services import Services
from components.trust.authority import Authority, Certificate
from components.trust.keys import Keys


@dataclass(frozen=True)
class AgentFiles:
    """The objects whose keys become files in the agents' pods.

    `server_secret` and `client_secret` are the names of the Secrets with the certificates, `gossip_secret` that of the
    Secret with the gossip keys, which `create_start_files` creates.
    """

    server_certificate: Certificate
    client_certificate: Certificate
    server_secret: pulumi.Output[str]
    client_secret: pulumi.Output[str]
    gossip_secret: str
    config: ConfigMap


def create_agent_files(
    cluster: Cluster,
    authority: Authority,
    server: Certificate,
    client: Certificate,
    keys: Keys,
    opts: pulumi.ResourceOptions,
) -> AgentFiles:
    """Create the Secrets with certificates, and the ConfigMap with the agents' configuration."""
    naming, settings = cluster.naming, cluster.settings
    retry_join = naming.host(naming.name)
    server_secret = _create_mutable_secret(
        naming.name,
        cluster,
        {
            agent_config.GOSSIP_KEY: keys.primary_gossip_key,
            agent_config.CA_CERTIFICATE: authority.certificate,
            agent_config.SERVER_CERTIFICATE: server.pem,
            agent_config.SERVER_PRIVATE_KEY: server.private_key,
        },
        opts,
    )
    client_secret = _create_mutable_secret(
        naming.clients,
        cluster,
        {
            agent_config.CA_CERTIFICATE: authority.certificate,
            agent_config.CLIENT_CERTIFICATE: client.pem,
            agent_config.CLIENT_PRIVATE_KEY: client.private_key,
        },
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
    return AgentFiles(
        server,
        client,
        # Derived from the patches, so that pods and Jobs wait until the Secrets have their files.
        server_secret.metadata.apply(lambda _: naming.name),
        client_secret.metadata.apply(lambda _: naming.clients),
        naming.gossip,
        config,
    )


def _create_mutable_secret(
    name: str, cluster: Cluster, files: dict[str, pulumi.Output[str]], opts: pulumi.ResourceOptions
) -> SecretPatch:
    """Create a Secret that an update changes in place, and return the patch with its files.

    Pulumi would delete a Secret with changed data before it creates the new one, and no pod could start in between. It
    updates a patch in place.
    """
    secret = Secret(name, metadata=cluster.metadata(name), opts=opts)
    return SecretPatch(
        name,
        metadata={"namespace": cluster.namespace, "name": secret.metadata.name, "annotations": PATCH_FORCE},
        data={file: text.apply(_base64) for file, text in files.items()},
        # Kubernetes deletes the data with the Secret. Without this option, Pulumi would first empty the Secret, and
        # fail if somebody has deleted it.
        opts=retained(opts, when=True),
    )


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


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
    return [
        *(ConfigMap(name, metadata=cluster.metadata(name), data=files, opts=opts) for name, files in data.items()),
        _create_mutable_secret(naming.gossip, cluster, {agent_config.KEYRING_FILE: keys.keyring}, opts),
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
