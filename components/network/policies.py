"""NetworkPolicies: deny all traffic except what Consul needs, by role.

https://developer.hashicorp.com/consul/docs/install/ports
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyPeerArgsDict,
    NetworkPolicyPortArgsDict,
    NetworkPolicySpecArgsDict,
)

from components.agents.agent_config import (
    CLIENT_TLS_PORTS,
    DNS_PORT,
    HTTPS_PORT,
    SERF_LAN_PORT,
    SERVER_RPC_PORT,
    SERVER_TLS_PORTS,
)
from components.cluster import Cluster
from components.identity import CLIENT, SERVER
from components.naming import Naming
from components.settings import Settings

Peers = list[NetworkPolicyPeerArgsDict]
Ports = list[NetworkPolicyPortArgsDict]


def _tcp(*ports: int) -> Ports:
    return [{"port": port, "protocol": "TCP"} for port in ports]


_RPC, _HTTPS = _tcp(SERVER_RPC_PORT), _tcp(HTTPS_PORT)
_CLIENT_TLS, _SERVER_TLS = _tcp(*CLIENT_TLS_PORTS), _tcp(*SERVER_TLS_PORTS)


def _tcp_and_udp(port: int) -> Ports:
    return [{"port": port, "protocol": "TCP"}, {"port": port, "protocol": "UDP"}]


def _namespaces(names: Iterable[str]) -> Peers:
    """Return peers for namespaces, selected by the label that Kubernetes sets on each; skip empty names."""
    return [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": name}}} for name in names if name]


# Kubernetes' DNS, and the address of the DNS cache that a node may have
# (https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/).
_KUBERNETES_DNS: Peers = [
    *_namespaces(["kube-system"]),
    {"ip_block": {"cidr": "169.254.20.10/32"}},
]


_ANYBODY: Peers = [{"ip_block": {"cidr": "0.0.0.0/0"}}, {"ip_block": {"cidr": "::/0"}}]


@dataclass
class Rules:
    """The allowed connections of the pods with these labels, as pairs of peers and ports.

    A pair without peers allows nothing; a pair without ports allows all ports.
    """

    labels: dict[str, str]
    ingress: list[tuple[Peers, Ports]] = field(default_factory=list[tuple[Peers, Ports]])
    egress: list[tuple[Peers, Ports]] = field(default_factory=list[tuple[Peers, Ports]])


def create_network_policies(cluster: Cluster, opts: pulumi.ResourceOptions) -> Sequence[NetworkPolicy]:
    """Create the NetworkPolicies of `network_rules`, and one that denies everything else in the namespace."""
    policies = {name: _spec(rules) for name, rules in network_rules(cluster.naming, cluster.settings).items()}
    policies[f"{cluster.naming.name}-deny"] = {"pod_selector": {}, "policy_types": ["Ingress", "Egress"]}
    return [
        NetworkPolicy(name, metadata=cluster.metadata(name), spec=spec, opts=opts) for name, spec in policies.items()
    ]


def network_rules(naming: Naming, settings: Settings) -> dict[str, Rules]:
    """Return the allowed connections by the name of their NetworkPolicy. Pure."""
    server, client, agent = naming.labels(SERVER), naming.labels(CLIENT), naming.labels()
    jobs = {job: naming.job_labels(job) for job in naming.jobs(settings)}
    health, preflight = jobs[naming.health], jobs[naming.preflight]
    users, monitoring = _namespaces(settings.client_namespaces), _namespaces([settings.monitoring_namespace])

    agents = Rules(agent)
    agents.ingress = [(_pods(agent), _tcp_and_udp(SERF_LAN_PORT)), (users, _tcp_and_udp(DNS_PORT))]
    agents.egress = [
        (_pods(agent), _tcp_and_udp(SERF_LAN_PORT)),
        (_pods(server), [*_RPC, *_HTTPS]),
        (_KUBERNETES_DNS, _tcp_and_udp(53)),
    ]

    # The servers' HTTPS port also serves the UI, so it is closed to other projects. They call the clients instead.
    # A client, and a server without data, ask there for a leader before they start.
    servers = Rules(server)
    servers.ingress = [
        (_pods(agent), _RPC),
        (_pods(agent, *jobs.values()), _HTTPS),
        # The health check checks the certificate at every port.
        (_pods(health), _SERVER_TLS),
        (monitoring, _HTTPS),
    ]
    if settings.ingress_enabled:
        servers.ingress.append((_namespaces([settings.ingress_namespace]) or _ANYBODY, _HTTPS))

    # Clients run health checks of the services that are registered with them, on any port.
    clients = Rules(client)
    clients.ingress = [(users, _CLIENT_TLS), (monitoring, _HTTPS), (_pods(preflight), _HTTPS)]
    clients.ingress.append((_pods(health), _CLIENT_TLS))
    clients.egress = [(users, [])]

    rules = {f"{naming.name}-agents": agents, f"{naming.name}-servers": servers, f"{naming.name}-clients": clients}
    for job, labels in jobs.items():
        rules[job] = Rules(labels, egress=[(_pods(server), _HTTPS), (_KUBERNETES_DNS, _tcp_and_udp(53))])
    # The pre-flight check looks at the certificate of every agent.
    rules[naming.preflight].egress.append((_pods(client), _HTTPS))
    rules[naming.health].egress += [(_pods(server), _SERVER_TLS), (_pods(client), _CLIENT_TLS)]
    return rules


def _spec(rules: Rules) -> NetworkPolicySpecArgsDict:
    """Return a NetworkPolicy spec. Leave out pairs without peers, because Kubernetes would allow all peers."""
    return {
        "pod_selector": {"match_labels": rules.labels},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [{"from_": peers, "ports": ports} for peers, ports in rules.ingress if peers],
        "egress": [{"to": peers, "ports": ports} for peers, ports in rules.egress if peers],
    }


def _pods(*labels: dict[str, str]) -> Peers:
    return [{"pod_selector": {"match_labels": of}} for of in labels]
