"""A valid production cluster as a policy sees it, and edits that make it violate a policy."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from components.identity import COMPONENT_TYPE
from policy.consul_policies.resources import Resource
from policy.consul_policies.values import Secret

LABELS = {
    "app.kubernetes.io/name": "consul",
    "app.kubernetes.io/instance": "consul",
    "app.kubernetes.io/component": "server",
}
SERVER_CONFIG: dict[str, Any] = {
    "server": True,
    "addresses": {"http": "127.0.0.1"},
    "tls": {
        "defaults": {"verify_outgoing": True, "tls_min_version": "TLSv1_2"},
        "internal_rpc": {"verify_incoming": True, "verify_server_hostname": True},
    },
}
GOSSIP_KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="

Edit = Callable[[dict[str, Any]], None]


def declared(kind: str, name: str, *, namespace: str = "consul", **properties: Any) -> Resource:
    """Return a Kubernetes object outside the component, by default in the cluster's namespace."""
    metadata = {"name": name, "namespace": namespace}
    return Resource(
        f"urn::{kind}::{name}", f"kubernetes:any:{kind}", {"kind": kind, "metadata": metadata, **properties}
    )


def valid_cluster() -> dict[str, Resource]:
    """Return the resources of a valid production cluster with three servers.

    The keys are short names: component, key, certificate, config, bootstrap, gossip, ui, servers, budget, volume.
    """
    pod = {
        "containers": [{"name": "consul", "image": "hashicorp/consul:1.22.6", "args": ["-config-dir=/consul/config"]}],
        "volumes": [
            {
                "name": "config",
                "projected": {
                    "sources": [
                        {"configMap": {"name": "config", "items": [{"key": "server.json", "path": "server.json"}]}},
                        {"configMap": {"name": "bootstrap"}},
                    ]
                },
            },
            {"name": "gossip", "secret": {"secretName": "gossip"}},
        ],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": LABELS},
            }
        ],
    }
    key = Resource("urn::key", "tls:index/privateKey:PrivateKey", {})
    certificate = Resource("urn::ca", "tls:index/selfSignedCert:SelfSignedCert", {"isCaCertificate": True})
    parts = {
        "key": key,
        "certificate": replace(certificate, property_dependencies={"privateKeyPem": ["urn::key"]}),
        "config": declared("ConfigMap", "config", data={"server.json": json.dumps(SERVER_CONFIG)}),
        "bootstrap": declared("ConfigMap", "bootstrap", data={"bootstrap.json": '{"bootstrap_expect": 3}'}),
        "gossip": declared("Secret", "gossip", stringData=Secret({"local.keyring": json.dumps([GOSSIP_KEY])})),
        "ui": declared("Service", "consul-ui", spec={"selector": LABELS, "type": "ClusterIP"}),
        "servers": declared(
            "StatefulSet", "consul", spec={"replicas": 3, "template": {"metadata": {"labels": LABELS}, "spec": pod}}
        ),
        "budget": declared(
            "PodDisruptionBudget", "consul", spec={"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}
        ),
        "volume": declared("PersistentVolume", "data-consul-0"),
    }
    component = Resource("urn::consul", COMPONENT_TYPE, {"environment": "production", "namespace": "consul"})
    return {"component": component} | {
        name: replace(part, parent=component.urn, protected=True) for name, part in parts.items()
    }


def edited(resource: Resource, edit: Edit) -> Resource:
    """Return a copy of a resource with edited properties."""
    properties = copy.deepcopy(dict(resource.properties))
    edit(properties)
    return replace(resource, properties=properties)


def put(*path: str, value: Any) -> Edit:
    """Return an edit that sets the property at a path."""

    def edit(properties: dict[str, Any]) -> None:
        for key in path[:-1]:
            properties = properties[key]
        properties[path[-1]] = value

    return edit


def server_json(*path: str, value: Any) -> Edit:
    """Return an edit that sets a value in the servers' server.json."""

    def edit(properties: dict[str, Any]) -> None:
        config = json.loads(properties["data"]["server.json"])
        put(*path, value=value)(config)
        properties["data"]["server.json"] = json.dumps(config)

    return edit


def pod(*path: str, value: Any) -> Edit:
    """Return an edit that sets a value in the spec of the pod template."""
    return put("spec", "template", "spec", *path, value=value)


def container(**fields: Any) -> Edit:
    """Return an edit that sets fields of the first container."""

    def edit(properties: dict[str, Any]) -> None:
        properties["spec"]["template"]["spec"]["containers"][0] |= fields

    return edit
