"""The Services through which pods reach the agents."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Service

from components.agents.agent_config import DNS_PORT, GRPC_TLS_PORT, HTTPS_PORT, SERF_LAN_PORT, SERVER_RPC_PORT
from components.cluster import Cluster
from components.identity import CLIENT, SERVER


@dataclass(frozen=True)
class Services:
    """`servers` and `clients` are headless, so each agent has a DNS name. `ui` and `dns` have one address each."""

    servers: Service
    clients: Service
    ui: Service
    dns: Service


def create_services(cluster: Cluster, opts: pulumi.ResourceOptions) -> Services:
    """Create the four Services of a cluster."""
    naming = cluster.naming
    servers = Service(
        naming.name,
        metadata=cluster.metadata(naming.name, SERVER),
        spec={
            "cluster_ip": "None",
            # A server is ready only with a leader, so servers must find each other before they are ready.
            "publish_not_ready_addresses": True,
            "selector": naming.labels(SERVER),
            "ports": [
                {"name": "https", "port": HTTPS_PORT},
                {"name": "grpc-tls", "port": GRPC_TLS_PORT},
                {"name": "rpc", "port": SERVER_RPC_PORT},
                {"name": "serf-lan", "port": SERF_LAN_PORT},
                {"name": "serf-lan-udp", "port": SERF_LAN_PORT, "protocol": "UDP"},
            ],
        },
        opts=opts,
    )
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
    # `pulumi up` need not wait for the endpoints of these two Services: the health check waits for the agents.
    skip_await = {"pulumi.com/skipAwait": "true"}
    ui = Service(
        naming.ui_service,
        metadata={**cluster.metadata(naming.ui_service, SERVER), "annotations": skip_await},
        spec={
            "selector": naming.labels(SERVER),
            "ports": [{"name": "https", "port": HTTPS_PORT, "target_port": "https", "app_protocol": "https"}],
        },
        opts=opts,
    )
    dns = Service(
        naming.dns_service,
        metadata={**cluster.metadata(naming.dns_service), "annotations": skip_await},
        spec={
            "selector": naming.labels(),
            "ports": [
                {"name": "dns", "port": 53, "target_port": DNS_PORT, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "target_port": DNS_PORT, "protocol": "TCP"},
            ],
        },
        opts=opts,
    )
    return Services(servers, clients, ui, dns)
