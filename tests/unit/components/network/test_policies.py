"""The connections that the NetworkPolicies allow."""

from typing import Any, cast

from components.naming import Naming
from components.network.policies import Peers, Ports, network_rules
from components.settings import Settings
from tests.support.graph import development, production


def ways_in(settings: Settings) -> set[str]:
    """Return the allowed ingress connections as `caller -> target port,…`."""
    rules = network_rules(Naming("consul", "consul"), settings)
    return {
        f"{peer} -> {name.removeprefix('consul-')} {ports}"
        for name, of in rules.items()
        for peer, ports in in_words(of.ingress)
    }


def ways_out(settings: Settings) -> set[str]:
    """Return the allowed egress connections as `caller -> target port,…`."""
    rules = network_rules(Naming("consul", "consul"), settings)
    return {
        f"{name.removeprefix('consul-')} -> {peer} {ports}"
        for name, of in rules.items()
        for peer, ports in in_words(of.egress)
    }


def in_words(ways: list[tuple[Peers, Ports]]) -> list[tuple[str, str]]:
    return [
        (
            who(cast("dict[str, Any]", peer)),
            ",".join(sorted({str(cast("Any", port)["port"]) for port in ports})) or "any",
        )
        for peers, ports in ways
        for peer in peers
    ]


def who(peer: dict[str, Any]) -> str:
    """Return a peer as one word: the name of a namespace or component, or addresses."""
    if "ip_block" in peer:
        return peer["ip_block"]["cidr"]
    (selector,) = peer.values()
    labels: dict[str, str] = selector["match_labels"]
    for key in ("kubernetes.io/metadata.name", "app.kubernetes.io/component"):
        if key in labels:
            return labels[key]
    return labels["app.kubernetes.io/name"]


OWN = {
    "consul -> agents 8301",
    "consul -> servers 8300",
    "consul -> servers 8501",
    "consul-preflight -> servers 8501",
    "consul-health -> servers 8501",
    "consul-acl -> servers 8501",
    "consul-health -> servers 8300,8501,8503",
    "consul-health -> clients 8501,8503",
    "consul-preflight -> clients 8501",
}


OWN_OUT = {
    "agents -> consul 8301",
    "agents -> server 8300,8501",
    "health -> server 8501",
    "health -> server 8300,8501,8503",
    "health -> client 8501,8503",
    "acl -> server 8501",
    "preflight -> server 8501",
    "preflight -> client 8501",
    *(
        f"{who} -> {dns} 53"
        for who in ("agents", "preflight", "health", "acl")
        for dns in ("kube-system", "169.254.20.10/32")
    ),
}


def test_production_allows_no_caller_from_another_namespace() -> None:
    assert ways_in(production()) == OWN


def test_client_namespaces_reach_the_clients_and_dns_and_no_server() -> None:
    assert ways_in(production(client_namespaces=("shop",))) == OWN | {
        "shop -> agents 8600",
        "shop -> clients 8501,8503",
    }


def test_only_dns_and_client_namespaces_can_be_called() -> None:
    assert ways_out(production()) == OWN_OUT
    assert ways_out(production(client_namespaces=("shop",))) == OWN_OUT | {"clients -> shop any"}


def test_prometheus_reaches_only_https() -> None:
    settings = production(monitoring="annotations", monitoring_namespace="monitoring")
    assert ways_in(settings) == OWN | {"monitoring -> servers 8501", "monitoring -> clients 8501"}


def test_the_ingress_controller_reaches_the_servers_in_development() -> None:
    shown = {"ingress_enabled": True, "ingress_host": "consul.localhost"}
    assert ways_in(development(ingress_namespace="traefik", **shown)) == OWN | {"traefik -> servers 8501"}
    assert ways_in(development(**shown)) == OWN | {"0.0.0.0/0 -> servers 8501", "::/0 -> servers 8501"}
