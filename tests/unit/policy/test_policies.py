"""The policies' checks, against what a sound production cluster declares and one thing that is wrong with it."""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from components.identity import COMPONENT_TYPE
from policy.consul_policies import authority, disruption, exposure, images, plain_text, quorum, tls_verification
from policy.consul_policies.resources import Resource, Violation
from policy.consul_policies.values import UNKNOWN, Secret

CHECKS: Sequence[Callable[[Sequence[Resource]], Iterator[Violation]]] = (
    exposure.exposed_ui,
    quorum.unsound_quorum,
    tls_verification.unverified_tls,
    plain_text.plain_text_secrets,
    images.unpinned_images,
    disruption.missing_budget_or_spread,
    authority.unprotected,
)

SERVERS = {
    "app.kubernetes.io/name": "consul",
    "app.kubernetes.io/instance": "consul",
    "app.kubernetes.io/component": "server",
}
AGENT: dict[str, Any] = {
    "server": True,
    "addresses": {"http": "127.0.0.1"},
    "tls": {
        "defaults": {"verify_outgoing": True, "tls_min_version": "TLSv1_2"},
        "internal_rpc": {"verify_incoming": True, "verify_server_hostname": True},
    },
}
KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="
POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
OF_ANOTHER_NAMESPACE = {"name": "consul-ui", "namespace": "consul"}
TOKEN = "3fa1c0de-aaaa-4bbb-8ccc-0123456789ab"  # noqa: S105

Edit = Callable[[dict[str, Any]], None]


def declared(kind: str, name: str, *, namespace: str = "consul", **properties: Any) -> Resource:
    """An object of Kubernetes in the cluster's namespace, outside of the component."""
    metadata = {"name": name, "namespace": namespace}
    return Resource(
        f"urn::{kind}::{name}", f"kubernetes:any:{kind}", {"kind": kind, "metadata": metadata, **properties}
    )


def sound() -> dict[str, Resource]:
    """A production cluster of three servers that violates nothing, by kinds; all but the component are its parts."""
    pod = {
        "containers": [{"name": "consul", "image": "hashicorp/consul:1.22.6", "args": ["-config-dir=/consul/config"]}],
        "volumes": [
            {
                "name": "config",
                "projected": {
                    "sources": [
                        {"configMap": {"name": "config", "items": [{"key": "server.json", "path": "server.json"}]}},
                        {"secret": {"name": "gossip"}},
                        {"configMap": {"name": "bootstrap"}},
                    ]
                },
            }
        ],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": SERVERS},
            }
        ],
    }
    key = Resource("urn::key", "tls:index/privateKey:PrivateKey", {})
    certificate = Resource("urn::ca", "tls:index/selfSignedCert:SelfSignedCert", {"isCaCertificate": True})
    parts = {
        "key": key,
        "certificate": replace(certificate, made_from={"privateKeyPem": ["urn::key"]}),
        "config": declared("ConfigMap", "config", data={"server.json": json.dumps(AGENT)}),
        "bootstrap": declared("ConfigMap", "bootstrap", data={"bootstrap.json": '{"bootstrap_expect": 3}'}),
        "gossip": declared("Secret", "gossip", stringData=Secret({"gossip.json": json.dumps({"encrypt": KEY})})),
        "ui": declared("Service", "consul-ui", spec={"selector": SERVERS, "type": "ClusterIP"}),
        "servers": declared(
            "StatefulSet", "consul", spec={"replicas": 3, "template": {"metadata": {"labels": SERVERS}, "spec": pod}}
        ),
        "budget": declared(
            "PodDisruptionBudget", "consul", spec={"maxUnavailable": 1, "selector": {"matchLabels": SERVERS}}
        ),
        "volume": declared("PersistentVolume", "data"),
    }
    component = Resource("urn::consul", COMPONENT_TYPE, {"environment": "production", "namespace": "consul"})
    return {"component": component} | {
        name: replace(part, parent=component.urn, protected=True) for name, part in parts.items()
    }


def edited(resource: Resource, edit: Edit) -> Resource:
    properties = copy.deepcopy(dict(resource.properties))
    edit(properties)
    return replace(resource, properties=properties)


def found(stack: Sequence[Resource]) -> list[str]:
    """What all checks together find."""
    return [str(violation) for check in CHECKS for violation in check(stack)]


def put(*path: str, value: Any) -> Edit:
    """An edit that sets the property at a path."""

    def edit(properties: dict[str, Any]) -> None:
        for key in path[:-1]:
            properties = properties[key]
        properties[path[-1]] = value

    return edit


def server_json(*path: str, value: Any) -> Edit:
    """An edit of the servers' configuration; None takes a setting away."""

    def edit(properties: dict[str, Any]) -> None:
        config = json.loads(properties["data"]["server.json"])
        put(*path, value=value)(config)
        properties["data"]["server.json"] = json.dumps(config)

    return edit


def pod(*path: str, value: Any) -> Edit:
    return put("spec", "template", "spec", *path, value=value)


def container(**fields: Any) -> Edit:
    def edit(properties: dict[str, Any]) -> None:
        properties["spec"]["template"]["spec"]["containers"][0] |= fields

    return edit


def test_a_sound_cluster_violates_nothing() -> None:
    assert found(list(sound().values())) == []


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
        ("budget", put("spec", value={"minAvailable": 1, "selector": {"matchLabels": SERVERS}}), "lets 2 of 3 servers"),
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
        ("servers", container(args=[f"-encrypt={KEY}"]), "args[0] of container consul looks like a secret"),
        ("servers", container(env=[{"name": "PASSWORD", "value": "x"}]), "variable PASSWORD"),
        ("servers", container(env=[{"name": "PASSWORD", "value": "$(OTHER)"}]), None),
        ("servers", container(env=[{"name": "ANY", "value": Secret(UNKNOWN)}]), "variable ANY"),
        ("servers", container(env=[{"name": "TOKEN_FILE", "value": "token"}]), None),
        ("servers", container(args=["--password=hunter2"]), "args[0] of container consul looks like a secret"),
        ("servers", container(args=["--password", "hunter2"]), "args[1] of container consul looks like a secret"),
        ("servers", container(command=["env", "TOKEN=hunter2"]), "command[1] of container consul looks like a secret"),
        ("servers", container(args=["-encrypt", KEY]), "args[1] of container consul looks like a secret"),
        ("servers", container(args=["--password", "$(PASSWORD)", "--token=$(TOKEN)", "--secret", "-v"]), None),
        ("servers", container(args=["--no-password", "database", "--kind=token", "web", "-token"]), None),
        ("servers", container(args=["-token-ttl=1h", "-secret-backend", "vault", "token", "create"]), None),
        ("servers", container(args=["-token"], command=["web"], env=[{"name": "TOKEN_KIND", "value": "any"}]), None),
        ("config", put("data", "key.pem", value="-----BEGIN EC PRIVATE KEY-----"), 'data["key.pem"] looks like'),
        ("config", put("data", "rules.hcl", value='token_prefix "" { policy = "read" }'), None),
        ("config", put("data", "acl.hcl", value=f'tokens {{ agent = "{TOKEN}" }}'), 'data["acl.hcl"] looks like'),
        ("config", put("data", "gossip-key", value=KEY), 'data["gossip-key"] looks like'),
        ("config", put("data", "any", value=Secret(UNKNOWN)), "data.any has a secret of Pulumi"),
        ("gossip", put("stringData", value={"key": KEY}), "stringData.key is not a secret of Pulumi"),
        ("gossip", put("stringData", value={"key": Secret(KEY)}), None),
        ("gossip", put("stringData", value={"ca.pem": "-----BEGIN CERTIFICATE-----"}), None),
    ],
)
def test_one_thing_wrong_is_found(part: str, edit: Edit, expected: str | None) -> None:
    stack = sound()
    stack[part] = edited(stack[part], edit)
    violations = found(list(stack.values()))
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
def test_what_a_name_calls_a_secret_is_one(name: str) -> None:
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
def test_what_is_said_of_a_secret_is_none(name: str, value: str) -> None:
    assert not plain_text.gives_away(name, value)


@pytest.mark.parametrize("part", ["key", "servers", "volume"])
def test_what_cannot_be_had_again_is_protected(part: str) -> None:
    stack = sound()
    stack[part] = replace(stack[part], protected=False)
    (violation,) = authority.unprotected(list(stack.values()))
    assert violation.resource == stack[part]


def test_other_private_keys_need_no_protection() -> None:
    leaf = Resource("urn::other", "tls:index/privateKey:PrivateKey", {}, parent="urn::consul")
    assert found([*sound().values(), leaf]) == []


@pytest.mark.parametrize(
    "way",
    [
        declared("Ingress", "web", spec={"defaultBackend": {"service": {"name": "consul-ui"}}}),
        declared("TCPRoute", "web", spec={"rules": [{"backendRefs": [{"name": "consul-ui"}]}]}),
        declared("HTTPRoute", "web", namespace="edge", spec={"rules": [{"backendRefs": [OF_ANOTHER_NAMESPACE]}]}),
        declared("IngressRouteTCP", "web", spec={"routes": [{"services": [{"name": "consul-ui"}]}]}),
        declared("IngressRoute", "web", namespace="edge", spec={"routes": [{"services": [OF_ANOTHER_NAMESPACE]}]}),
        declared("Service", "web", spec={"type": "LoadBalancer", "selector": {"app.kubernetes.io/name": "consul"}}),
        declared("Service", "first", spec={"type": "LoadBalancer", "selector": {POD_NAME: "consul-0"}}),
        declared("Service", "second", spec={"type": "NodePort", "selector": SERVERS | {POD_INDEX: "1"}}),
    ],
    ids=str,
)
def test_a_way_in_beside_the_component_is_found_in_production_only(way: Resource) -> None:
    stack = sound()
    (violation,) = exposure.exposed_ui([*stack.values(), way])
    assert violation.resource == way
    stack["component"] = edited(stack["component"], put("environment", value="development"))
    assert list(exposure.exposed_ui([*stack.values(), way])) == []


@pytest.mark.parametrize(
    "way",
    [
        declared("Ingress", "web", namespace="web", spec={"defaultBackend": {"service": {"name": "consul-ui"}}}),
        declared("Ingress", "web", spec={"defaultBackend": {"service": {"name": "web"}}}),
        declared("Service", "web", spec={"type": "LoadBalancer", "selector": {"app": "web"}}),
        declared("Service", "web", spec={"type": "LoadBalancer"}),
        declared("Service", "first", spec={"type": "LoadBalancer", "selector": {POD_NAME: "consul-web-0"}}),
        declared("Service", "second", spec={"type": "LoadBalancer", "selector": {"app": "web", POD_INDEX: "1"}}),
        declared("Service", "web", namespace="web", spec={"type": "LoadBalancer", "selector": SERVERS}),
    ],
    ids=str,
)
def test_ways_to_something_else_are_nobodys_business(way: Resource) -> None:
    assert found([*sound().values(), way]) == []


def test_development_is_content_with_a_preferred_spread() -> None:
    stack = sound()
    spread = stack["servers"].get("spec", "template", "spec", "topologySpreadConstraints")[0]
    loose = pod("topologySpreadConstraints", value=[spread | {"whenUnsatisfiable": "ScheduleAnyway"}])
    stack["servers"] = edited(stack["servers"], loose)
    assert any("spread over nodes is preferred" in violation for violation in found(list(stack.values())))
    stack["component"] = edited(stack["component"], put("environment", value="development"))
    assert found(list(stack.values())) == []


def test_development_may_have_one_server() -> None:
    """None is left to keep a majority with when it is evicted, so that no budget could be right."""
    stack = sound()
    stack["component"] = edited(stack["component"], put("environment", value="development"))
    stack["servers"] = edited(stack["servers"], put("spec", "replicas", value=1))
    stack["bootstrap"] = edited(stack["bootstrap"], put("data", "bootstrap.json", value='{"bootstrap_expect": 1}'))
    assert found(list(stack.values())) == []


def test_pod_anti_affinity_is_a_spread() -> None:
    stack = sound()
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": SERVERS}}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    for edit in (pod("topologySpreadConstraints", value=[]), pod("affinity", value=affinity)):
        stack["servers"] = edited(stack["servers"], edit)
    assert found(list(stack.values())) == []


def test_a_component_that_says_no_environment_is_judged_as_production() -> None:
    stack = sound()
    stack["component"] = replace(stack["component"], properties={"namespace": "consul"})
    stack["ui"] = edited(stack["ui"], put("spec", "type", value="NodePort"))
    assert len(found(list(stack.values()))) == 1


def paths(value: Any) -> Iterator[tuple[str | int, ...]]:
    """The paths of a value and of all that is in it."""
    yield ()
    inner = value.value if isinstance(value, Secret) else value
    items = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()  # pyright: ignore
    for key, item in items:  # pyright: ignore[reportUnknownVariableType]
        yield from ((key, *path) for path in paths(item))  # pyright: ignore[reportUnknownArgumentType]


def with_unknown(value: Any, path: tuple[str | int, ...]) -> Any:
    if not path:
        return UNKNOWN
    if isinstance(value, Secret):
        return Secret(with_unknown(value.value, path))
    changed = copy.copy(value)
    changed[path[0]] = with_unknown(value[path[0]], path[1:])
    return changed


def test_what_only_the_update_knows_is_no_violation() -> None:
    """Whatever property of whatever resource is unknown, a sound cluster stays sound."""
    stack = sound()
    tried = 0
    for name, resource in stack.items():
        for path in paths(dict(resource.properties)):
            if path and path != ("kind",):
                properties = with_unknown(dict(resource.properties), path)
                changed = {**stack, name: replace(resource, properties=properties)}
                assert found(list(changed.values())) == [], f"{name} {path}"
                tried += 1
    assert tried > 80


def test_no_message_has_a_secret() -> None:
    stack = sound()
    stack["gossip"] = edited(stack["gossip"], put("stringData", value={"key": KEY}))
    stack["config"] = edited(stack["config"], put("data", "acl.json", value=json.dumps({"encrypt": KEY})))
    stack["servers"] = edited(
        stack["servers"], container(args=["-token", TOKEN], env=[{"name": "TOKEN", "value": TOKEN}])
    )
    violations = found(list(stack.values()))
    assert len(violations) == 4
    assert not any(secret in violation for violation in violations for secret in (KEY, TOKEN))
    assert TOKEN not in repr(stack["servers"]) + repr(Secret(TOKEN))
