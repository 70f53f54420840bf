"""Strict JSON schemas of Kubernetes' kinds, from a small OpenAPI description."""

from __future__ import annotations

from typing import Any

from tools.toolchain.json_schemas import schemas

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
PORT = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"

DEFINITIONS: dict[str, dict[str, Any]] = {
    "Ingress": {
        "type": "object",
        "description": "Prose.",
        "x-kubernetes-group-version-kind": [{"group": "networking.k8s.io", "version": "v1", "kind": "Ingress"}],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "spec": {"$ref": "#/definitions/Spec", "description": "Prose."},
        },
    },
    "Service": {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Service"}],
    },
    "DeleteOptions": {
        "type": "object",
        "x-kubernetes-group-version-kind": [
            {"group": group, "version": "v1", "kind": "DeleteOptions"} for group in ("", "apps")
        ],
    },
    "Spec": {
        "type": "object",
        "required": ["description"],
        "properties": {
            "description": {"type": "string"},
            "parents": {"type": "array", "items": {"$ref": "#/definitions/Spec"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "port": {"$ref": f"#/definitions/{PORT}"},
            "size": {"$ref": f"#/definitions/{QUANTITY}"},
        },
    },
    PORT: {"type": "string", "format": "int-or-string"},
    QUANTITY: {"type": "string"},
    "Unused": {"type": "object"},
}


def ingress() -> dict[str, Any]:
    """Return the definitions of the Ingress's schema."""
    return dict(dict(schemas(DEFINITIONS))["ingress-networking-v1"]["definitions"])


def test_every_kind_has_a_file_with_kubeconforms_name() -> None:
    assert [name for name, _ in schemas(DEFINITIONS)] == ["ingress-networking-v1", "service-v1"]


def test_a_file_contains_exactly_what_it_refers_to() -> None:
    assert set(ingress()) == {"Ingress", "Spec", PORT, QUANTITY}


def test_a_schema_has_its_kind_and_version() -> None:
    properties = ingress()["Ingress"]["properties"]
    assert properties["kind"]["enum"] == ["Ingress"]
    assert properties["apiVersion"]["enum"] == ["networking.k8s.io/v1"]


def test_unknown_fields_are_refused_except_in_maps() -> None:
    spec = ingress()["Spec"]
    assert spec["additionalProperties"] is False
    assert spec["properties"]["labels"]["additionalProperties"] == {"type": "string"}


def test_optional_fields_can_be_null() -> None:
    properties = ingress()["Spec"]["properties"]
    assert properties["labels"]["type"] == ["object", "null"]
    assert properties["description"]["type"] == "string"


def test_numbers_are_allowed_where_kubernetes_allows_them() -> None:
    assert ingress()[PORT] == {"type": ["string", "integer", "null"]}
    assert ingress()[QUANTITY] == {"type": ["string", "number", "null"]}
