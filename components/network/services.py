"""The Services through which pods reach the agents."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Service, ServicePortArgsDict, ServiceSpecArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.agents.agent_config import DNS_PORT, GRPC_TLS_PORT, HTTPS_PORT, SERF_LAN_PORT, SERVER_RPC_PORT
from components.cluster import Cluster
from components.identity import CLIENT, SERVER
from components.kubernetes.annotations import SKIP_AWAIT
from components.kubernetes.lint_waivers import SELECTOR_WAIVER

# The StatefulSet controller sets this label on each pod.
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"

_SERVER_PORTS: list[ServicePortArgsDict] = [
    {"name": "https", "port": HTTPS_PORT},
    {"name": "grpc-tls", "port": GRPC_TLS_PORT},
    {"name": "rpc", "port": SERVER_RPC_PORT},
    {"name": "serf-lan", "port": SERF_LAN_PORT},
    {"name": "serf-lan-udp", "port": SERF_LAN_PORT, "protocol": "UDP"},
]


@dataclass(frozen=True)
class Services:
    """`servers` and `clients` are headless, so each agent has a DNS name. The other Services have one address each.

    `by_server` has one Service for each server, by the server's name. A server advertises the address of its Service.
    """

    servers: Service
    clients: Service
    by_server: Mapping[str, Service]
    ui: Service
    dns: Service


def create_services(cluster: Cluster, opts: pulumi.ResourceOptions) -> Services:
    """Create the Services of a cluster: one for each server, and four for groups of agents.

    `pulumi up` need not wait for their endpoints: the health check waits for the agents.
    """
    naming = cluster.naming
    # A server is ready only with a leader, so servers must find each other before they are ready.
    to_servers: ServiceSpecArgsDict = {"publish_not_ready_addresses": True, "ports": _SERVER_PORTS}
    servers = Service(
        naming.name,
        metadata=cluster.metadata(naming.name, SERVER),
        spec={**to_servers, "cluster_ip": "None", "selector": naming.labels(SERVER)},
        opts=opts,
    )
    # Kubernetes assigns the address. A Service that somebody has deleted gets its old one back, because Raft and gossip
    # know the server by it.
    keep_address = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=["spec.clusterIP"]))
    by_server: dict[str, Service] = {}
    for server in naming.servers(cluster.settings.server_replicas):
        spec: ServiceSpecArgsDict = {**to_servers, "selector": naming.labels(SERVER) | {POD_NAME_LABEL: server}}
        if address := cluster.history.addresses.get(server):
            spec["cluster_ip"] = address
        metadata: ObjectMetaArgsDict = {
            **cluster.metadata(server, SERVER),
            "annotations": SKIP_AWAIT | SELECTOR_WAIVER,
        }
        by_server[server] = Service(server, metadata=metadata, spec=spec, opts=keep_address)
    clients = Service(
        naming.clients,
        metadata=cluster.metadata(naming.clients, CLIENT),
        spec={
            "cluster_ip": "None",
            "selector": naming.labels(CLIENT),
            "ports": [{"name": "https", "port": HTTPS_PORT}, {"name": "grpc-tls", "port": GRPC_TLS_PORT}],
        },
        opts=opts,
    )
    ui = Service(
        naming.ui_service,
        metadata={**cluster.metadata(naming.ui_service, SERVER), "annotations": SKIP_AWAIT},
        spec={
            "selector": naming.labels(SERVER),
            "ports": [{"name": "https", "port": HTTPS_PORT, "target_port": "https", "app_protocol": "https"}],
        },
        opts=opts,
    )
    dns = Service(
        naming.dns_service,
        metadata={**cluster.metadata(naming.dns_service), "annotations": SKIP_AWAIT},
        spec={
            "selector": naming.labels(),
            "ports": [
                {"name": "dns", "port": 53, "target_port": DNS_PORT, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "target_port": DNS_PORT, "protocol": "TCP"},
            ],
        },
        opts=opts,
    )
    return Services(servers, clients, by_server, ui, dns)
