"""The Services by which pods find the agents."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Service

from components.agents.agent_config import DNS_PORT, GRPC_TLS_PORT, HTTPS_PORT, SERF_LAN_PORT, SERVER_RPC_PORT
from components.identity import CLIENT, SERVER
from components.naming import Naming


@dataclass(frozen=True)
class Services:
    """Headless Services give each agent a DNS name; `ui` and `dns` have one address for many agents."""

    servers: Service
    clients: Service
    ui: Service
    dns: Service


def create_services(naming: Naming, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions) -> Services:
    """The four Services of a cluster."""
    servers = Service(
        naming.name,
        metadata={"name": naming.name, "namespace": namespace, "labels": naming.labels(SERVER)},
        spec={
            "cluster_ip": "None",
            # Servers find each other before any of them is ready: readiness wants a leader.
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
        metadata={"name": naming.clients, "namespace": namespace, "labels": naming.labels(CLIENT)},
        spec={
            "cluster_ip": "None",
            "selector": naming.labels(CLIENT),
            "ports": [{"name": "https", "port": HTTPS_PORT}, {"name": "grpc-tls", "port": GRPC_TLS_PORT}],
        },
        opts=opts,
    )
    # Neither waits for endpoints: a pod that becomes ready gets its traffic without Pulumi looking on.
    skip_await = {"pulumi.com/skipAwait": "true"}
    ui = Service(
        naming.ui_service,
        metadata={
            "name": naming.ui_service,
            "namespace": namespace,
            "labels": naming.labels(SERVER),
            "annotations": skip_await,
        },
        spec={
            "selector": naming.labels(SERVER),
            "ports": [{"name": "https", "port": HTTPS_PORT, "target_port": "https", "app_protocol": "https"}],
        },
        opts=opts,
    )
    dns = Service(
        naming.dns_service,
        metadata={
            "name": naming.dns_service,
            "namespace": namespace,
            "labels": naming.labels(),
            "annotations": skip_await,
        },
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
