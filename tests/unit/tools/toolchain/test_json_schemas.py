"""Kubernetes' kinds as strict JSON schemas, from a description that is small here."""

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


def test_every_kind_has_a_file_of_the_name_that_kubeconform_asks_for() -> None:
    assert [name for name, _ in schemas(DEFINITIONS)] == ["ingress-networking-v1", "service-v1"]


def test_a_file_holds_all_that_it_refers_to_and_nothing_else() -> None:
    assert set(ingress()) == {"Ingress", "Spec", PORT, QUANTITY}


def test_a_kind_is_of_its_name_and_version() -> None:
    properties = ingress()["Ingress"]["properties"]
    assert properties["kind"]["enum"] == ["Ingress"]
    assert properties["apiVersion"]["enum"] == ["networking.k8s.io/v1"]


def test_other_fields_are_refused_but_not_where_any_are_allowed() -> None:
    spec = ingress()["Spec"]
    assert spec["additionalProperties"] is False
    assert spec["properties"]["labels"]["additionalProperties"] == {"type": "string"}


def test_null_stands_for_a_field_that_need_not_be_there() -> None:
    properties = ingress()["Spec"]["properties"]
    assert properties["labels"]["type"] == ["object", "null"]
    assert properties["description"]["type"] == "string"


def test_numbers_are_taken_where_kubernetes_takes_them() -> None:
    assert ingress()[PORT] == {"type": ["string", "integer", "null"]}
    assert ingress()[QUANTITY] == {"type": ["string", "number", "null"]}
