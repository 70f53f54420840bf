"""The checks of the policy pack: on a valid production cluster, and on the same cluster with one property changed."""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from policy.consul_policies import disruption, exposure, images, plain_text, protection, quorum, tls_verification
from policy.consul_policies.resources import Resource, Violation
from policy.consul_policies.values import UNKNOWN, Secret
from tests.support.policy_cluster import (
    GOSSIP_KEY,
    LABELS,
    Edit,
    container,
    declared,
    edited,
    pod,
    put,
    server_json,
    valid_cluster,
)

CHECKS: Sequence[Callable[[Sequence[Resource]], Iterator[Violation]]] = (
    exposure.exposed_ui,
    quorum.unsound_quorum,
    tls_verification.unverified_tls,
    plain_text.plain_text_secrets,
    images.unpinned_images,
    disruption.missing_budget_or_spread,
    protection.unprotected_resources,
)

POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
UI_SERVICE = {"name": "consul-ui", "namespace": "consul"}
TOKEN = "3fa1c0de-aaaa-4bbb-8ccc-0123456789ab"  # noqa: S105


def messages(stack: Sequence[Resource]) -> list[str]:
    """Return the messages of all checks."""
    return [str(violation) for check in CHECKS for violation in check(stack)]


def test_a_valid_cluster_has_no_violation() -> None:
    assert messages(list(valid_cluster().values())) == []


@pytest.mark.parametrize(
    ("part", "edit", "expected"),
    [
        ("ui", put("spec", "type", value="LoadBalancer"), "Service consul/consul-ui: spec.type LoadBalancer"),
        ("ui", put("spec", "type", value="NodePort"), "spec.type NodePort"),
        ("ui", put("spec", "externalIPs", value=["192.0.2.1"]), "spec.externalIPs"),
        ("servers", pod("hostNetwork", value=True), "hostNetwork"),
        ("servers", container(ports=[{"containerPort": 8501, "hostPort": 8501}]), "hostPort 8501"),
        ("servers", put("spec", "replicas", value=1), "spec.replicas 1"),
        ("servers", put("spec", "replicas", value=4), "spec.replicas 4"),
        ("servers", container(args=["-bootstrap-expect", "5"]), "bootstrap_expect 5"),
        ("bootstrap", put("data", "bootstrap.json", value='{"bootstrap_expect": 1}'), "bootstrap_expect 1"),
        ("budget", put("spec", "maxUnavailable", value=2), "lets 2 of 3 servers"),
        ("budget", put("spec", "maxUnavailable", value="50%"), "lets 2 of 3 servers"),
        ("budget", put("spec", value={"minAvailable": 1, "selector": {"matchLabels": LABELS}}), "lets 2 of 3 servers"),
        ("budget", put("spec", value={"selector": {}}), "lets 3 of 3 servers"),
        ("budget", put("spec", "selector", "matchLabels", value={"app": "web"}), "no PodDisruptionBudget"),
        ("budget", put("metadata", "namespace", value="other"), None),
        ("servers", pod("topologySpreadConstraints", value=[]), "spread over nodes is missing"),
        ("config", server_json("tls", "internal_rpc", value={}), "verify_server_hostname is missing"),
        ("config", server_json("tls", "defaults", "verify_outgoing", value=False), "verify_outgoing is false"),
        ("config", server_json("tls", "https", value={"tls_min_version": "TLSv1_0"}), "tls.https.tls_min_version"),
        ("config", server_json("addresses", value={}), None),
        ("servers", container(args=["-client=10.0.0.1"]), None),
        ("config", server_json("client_addr", value="10.0.0.1"), None),
        ("config", server_json("addresses", "http", value="127.0.0.1 10.0.0.1"), "plain HTTP is on 127.0.0.1 10.0.0.1"),
        ("config", server_json("addresses", "http", value="{{ GetPrivateIP }}"), "plain HTTP is on"),
        ("config", server_json("addresses", "http", value="unix:///run/consul.sock"), None),
        ("config", server_json("ports", value={"http": -1}), None),
        ("servers", container(env=[{"name": "CONSUL_HTTP_SSL_VERIFY", "value": "0"}]), "CONSUL_HTTP_SSL_VERIFY"),
        ("servers", container(env=[{"name": "CONSUL_HTTP_SSL_VERIFY", "value": "true"}]), None),
        ("servers", container(image="hashicorp/consul"), 'image "hashicorp/consul"'),
        ("servers", container(image="registry:5000/consul:latest"), "consul:latest"),
        ("servers", container(image=f"hashicorp/consul@sha256:{'0' * 64}"), None),
        ("servers", container(args=[f"-encrypt={GOSSIP_KEY}"]), "args[0] of container consul looks like a secret"),
        ("servers", container(env=[{"name": "PASSWORD", "value": "x"}]), "variable PASSWORD"),
        ("servers", container(env=[{"name": "PASSWORD", "value": "$(OTHER)"}]), None),
        ("servers", container(env=[{"name": "ANY", "value": Secret(UNKNOWN)}]), "variable ANY"),
        ("servers", container(env=[{"name": "TOKEN_FILE", "value": "token"}]), None),
        ("servers", container(args=["--password=hunter2"]), "args[0] of container consul looks like a secret"),
        ("servers", container(args=["--password", "hunter2"]), "args[1] of container consul looks like a secret"),
        ("servers", container(command=["env", "TOKEN=hunter2"]), "command[1] of container consul looks like a secret"),
        ("servers", container(args=["-encrypt", GOSSIP_KEY]), "args[1] of container consul looks like a secret"),
        ("servers", container(args=["--password", "$(PASSWORD)", "--token=$(TOKEN)", "--secret", "-v"]), None),
        ("servers", container(args=["--no-password", "database", "--kind=token", "web", "-token"]), None),
        ("servers", container(args=["-token-ttl=1h", "-secret-backend", "vault", "token", "create"]), None),
        ("servers", container(args=["-token"], command=["web"], env=[{"name": "TOKEN_KIND", "value": "any"}]), None),
        ("config", put("data", "key.pem", value="-----BEGIN EC PRIVATE KEY-----"), 'data["key.pem"] looks like'),
        ("config", put("data", "rules.hcl", value='token_prefix "" { policy = "read" }'), None),
        ("config", put("data", "acl.hcl", value=f'tokens {{ agent = "{TOKEN}" }}'), 'data["acl.hcl"] looks like'),
        ("config", put("data", "gossip-key", value=GOSSIP_KEY), 'data["gossip-key"] looks like'),
        ("config", put("data", "any", value=Secret(UNKNOWN)), "data.any has a Pulumi secret"),
        ("gossip", put("stringData", value={"key": GOSSIP_KEY}), "stringData.key is not a Pulumi secret"),
        ("gossip", put("stringData", value={"key": Secret(GOSSIP_KEY)}), None),
        ("gossip", put("stringData", value={"ca.pem": "-----BEGIN CERTIFICATE-----"}), None),
    ],
)
def test_one_changed_property(part: str, edit: Edit, expected: str | None) -> None:
    stack = valid_cluster()
    stack[part] = edited(stack[part], edit)
    violations = messages(list(stack.values()))
    if expected is None:
        assert violations == []
    else:
        assert any(expected in violation for violation in violations), violations


@pytest.mark.parametrize(
    "name",
    [
        "CONSUL_HTTP_TOKEN",
        "CLIENT_SECRET",
        "PASSWORD",
        "MYSQL_PASSWD",
        "DB_PASS",
        "REGISTRY_CREDENTIALS",
        "AWS_SECRET_ACCESS_KEY",
        "privateKey",
        "gossip-key",
        "ENCRYPT",
        "password.txt",
        "PASSWORD_2",
        "SECRET_KEY_BASE",
    ],
)
def test_secrets_are_recognised_by_name(name: str) -> None:
    assert plain_text.gives_away(name, "hunter2")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN_TTL", "1h"),
        ("SECRET_BACKEND", "vault"),
        ("CREDENTIALS_PROVIDER", "ec2"),
        ("PASSWORD_POLICY", "strong"),
        ("TOKEN_AUDIENCE", "api"),
        ("ENCRYPTION_ENABLED", "yes"),
        ("ENCRYPT", "yes"),
        ("KV_KEY", "config/web"),
        ("topologyKey", "kubernetes.io/hostname"),
        ("key", "server.json"),
        ("BYPASS", "proxy"),
        ("secretName", "consul-tls"),
    ],
)
def test_other_values_are_not_taken_for_secrets(name: str, value: str) -> None:
    assert not plain_text.gives_away(name, value)


@pytest.mark.parametrize("part", ["key", "servers", "volume"])
def test_resources_that_cannot_be_recreated_must_be_protected(part: str) -> None:
    stack = valid_cluster()
    stack[part] = replace(stack[part], protected=False)
    (violation,) = protection.unprotected_resources(list(stack.values()))
    assert violation.resource == stack[part]


def test_a_cluster_that_starts_over_needs_only_its_key_protected() -> None:
    stack = {part: replace(resource, protected=False) for part, resource in valid_cluster().items()}
    record = {"input": {"startsOver": True}}
    stack["record"] = Resource("urn::stash::consul", "pulumi:index:Stash", record, parent="urn::consul")
    (violation,) = protection.unprotected_resources(list(stack.values()))
    assert violation.resource == stack["key"]


def test_a_ca_key_needs_no_protection_while_another_one_replaces_it() -> None:
    stack = valid_cluster()
    stack["key"] = replace(stack["key"], protected=False)
    for ca_keys, violations in (([1, 2], 0), ([2], 1)):
        record = {"input": {"caKeys": ca_keys}}
        stack["record"] = Resource("urn::stash::consul", "pulumi:index:Stash", record, parent="urn::consul")
        assert len(list(protection.unprotected_resources(list(stack.values())))) == violations


def test_a_volume_that_no_server_has_used_needs_no_protection() -> None:
    stack = valid_cluster()
    stack["unused"] = replace(declared("PersistentVolume", "data-consul-3"), parent="urn::consul", protected=False)
    assert len(messages(list(stack.values()))) == 1
    record = {"input": {"serversSoFar": 3}}
    stack["record"] = Resource("urn::stash::consul", "pulumi:index:Stash", record, parent="urn::consul")
    assert messages(list(stack.values())) == []


def test_other_private_keys_need_no_protection() -> None:
    leaf = Resource("urn::other", "tls:index/privateKey:PrivateKey", {}, parent="urn::consul")
    assert messages([*valid_cluster().values(), leaf]) == []


@pytest.mark.parametrize(
    "extra",
    [
        declared("Ingress", "web", spec={"defaultBackend": {"service": {"name": "consul-ui"}}}),
        declared("TCPRoute", "web", spec={"rules": [{"backendRefs": [{"name": "consul-ui"}]}]}),
        declared("HTTPRoute", "web", namespace="edge", spec={"rules": [{"backendRefs": [UI_SERVICE]}]}),
        declared("IngressRouteTCP", "web", spec={"routes": [{"services": [{"name": "consul-ui"}]}]}),
        declared("IngressRoute", "web", namespace="edge", spec={"routes": [{"services": [UI_SERVICE]}]}),
        declared("Service", "web", spec={"type": "LoadBalancer", "selector": {"app.kubernetes.io/name": "consul"}}),
        declared("Service", "first", spec={"type": "LoadBalancer", "selector": {POD_NAME: "consul-0"}}),
        declared("Service", "second", spec={"type": "NodePort", "selector": LABELS | {POD_INDEX: "1"}}),
    ],
    ids=str,
)
def test_objects_that_expose_the_ui_are_refused_in_production_only(extra: Resource) -> None:
    stack = valid_cluster()
    (violation,) = exposure.exposed_ui([*stack.values(), extra])
    assert violation.resource == extra
    stack["component"] = edited(stack["component"], put("environment", value="development"))
    assert list(exposure.exposed_ui([*stack.values(), extra])) == []


@pytest.mark.parametrize(
    "extra",
    [
        declared("Ingress", "web", namespace="web", spec={"defaultBackend": {"service": {"name": "consul-ui"}}}),
        declared("Ingress", "web", spec={"defaultBackend": {"service": {"name": "web"}}}),
        declared("Service", "web", spec={"type": "LoadBalancer", "selector": {"app": "web"}}),
        declared("Service", "web", spec={"type": "LoadBalancer"}),
        declared("Service", "first", spec={"type": "LoadBalancer", "selector": {POD_NAME: "consul-web-0"}}),
        declared("Service", "second", spec={"type": "LoadBalancer", "selector": {"app": "web", POD_INDEX: "1"}}),
        declared("Service", "web", namespace="web", spec={"type": "LoadBalancer", "selector": LABELS}),
    ],
    ids=str,
)
def test_objects_that_expose_something_else_are_allowed(extra: Resource) -> None:
    assert messages([*valid_cluster().values(), extra]) == []


def test_development_may_have_a_preferred_spread() -> None:
    stack = valid_cluster()
    spread = stack["servers"].get("spec", "template", "spec", "topologySpreadConstraints")[0]
    loose = pod("topologySpreadConstraints", value=[spread | {"whenUnsatisfiable": "ScheduleAnyway"}])
    stack["servers"] = edited(stack["servers"], loose)
    assert any("spread over nodes is preferred" in violation for violation in messages(list(stack.values())))
    stack["component"] = edited(stack["component"], put("environment", value="development"))
    assert messages(list(stack.values())) == []


def test_development_may_have_one_server() -> None:
    """A single server tolerates no loss, so the policy does not check its disruption budget."""
    stack = valid_cluster()
    stack["component"] = edited(stack["component"], put("environment", value="development"))
    stack["servers"] = edited(stack["servers"], put("spec", "replicas", value=1))
    stack["bootstrap"] = edited(stack["bootstrap"], put("data", "bootstrap.json", value='{"bootstrap_expect": 1}'))
    assert messages(list(stack.values())) == []


def test_pod_anti_affinity_counts_as_a_spread() -> None:
    stack = valid_cluster()
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": LABELS}}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    for edit in (pod("topologySpreadConstraints", value=[]), pod("affinity", value=affinity)):
        stack["servers"] = edited(stack["servers"], edit)
    assert messages(list(stack.values())) == []


def test_a_component_without_environment_counts_as_production() -> None:
    stack = valid_cluster()
    stack["component"] = replace(stack["component"], properties={"namespace": "consul"})
    stack["ui"] = edited(stack["ui"], put("spec", "type", value="NodePort"))
    assert len(messages(list(stack.values()))) == 1


def paths(value: Any) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of a value, and the paths of all values inside it."""
    yield ()
    inner = value.value if isinstance(value, Secret) else value
    items = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()  # pyright: ignore
    for key, item in items:  # pyright: ignore[reportUnknownVariableType]
        yield from ((key, *path) for path in paths(item))  # pyright: ignore[reportUnknownArgumentType]


def with_unknown(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return a copy of a value in which the value at a path is unknown."""
    if not path:
        return UNKNOWN
    if isinstance(value, Secret):
        return Secret(with_unknown(value.value, path))
    changed = copy.copy(value)
    changed[path[0]] = with_unknown(value[path[0]], path[1:])
    return changed


def test_unknown_values_are_no_violation() -> None:
    """Make each property of each resource unknown, one after the other."""
    stack = valid_cluster()
    tried = 0
    for name, resource in stack.items():
        for path in paths(dict(resource.properties)):
            if path and path != ("kind",):
                properties = with_unknown(dict(resource.properties), path)
                changed = {**stack, name: replace(resource, properties=properties)}
                assert messages(list(changed.values())) == [], f"{name} {path}"
                tried += 1
    assert tried > 80


def test_messages_contain_no_secret() -> None:
    stack = valid_cluster()
    stack["gossip"] = edited(stack["gossip"], put("stringData", value={"key": GOSSIP_KEY}))
    stack["config"] = edited(stack["config"], put("data", "acl.json", value=json.dumps({"encrypt": GOSSIP_KEY})))
    stack["servers"] = edited(
        stack["servers"], container(args=["-token", TOKEN], env=[{"name": "TOKEN", "value": TOKEN}])
    )
    violations = messages(list(stack.values()))
    assert len(violations) == 4
    assert not any(secret in violation for violation in violations for secret in (GOSSIP_KEY, TOKEN))
    assert TOKEN not in repr(stack["servers"]) + repr(Secret(TOKEN))
