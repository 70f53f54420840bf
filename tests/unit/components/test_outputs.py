"""The outputs are an API: other programs rely on their names, types and secrecy (docs/outputs-contract.json)."""

from typing import Any

import pytest

import components
from components.consul_cluster import ConsulCluster
from components.outputs import Outputs
from plugin.schema import TYPE, package_schema
from tests.support.graph import declare, development, production
from tests.support.outputs import ADVICE, contract, type_of


def declared_types(spec: dict[str, Any], required: bool) -> frozenset[str]:
    """Return a type of the schema, in the contract's words."""
    name = str(spec["type"])
    if name == "array":
        name = f"list of {spec['items']['type']}s"
    elif name == "object":
        name = f"map of {spec['additionalProperties']['type']}s"
    return frozenset({name} if required else {name, "null"})


def test_the_declared_outputs_match_the_contract() -> None:
    resource = package_schema()["resources"][TYPE]
    declared = {
        name: declared_types(spec, name in resource["required"]) for name, spec in resource["properties"].items()
    }
    assert declared == {name: promise.types for name, promise in contract().items()}, ADVICE


def test_the_output_values_match_the_contract() -> None:
    promises = contract()
    for settings in (development(), development(ingress_enabled=True, ingress_host="consul.test"), production()):
        outputs = declare(settings).outputs
        assert outputs.keys() == promises.keys(), ADVICE
        wrong = {name: value for name, value in outputs.items() if type_of(value) not in promises[name].types}
        assert wrong == {}, ADVICE


@pytest.mark.parametrize(("port", "url"), [(443, "https://consul.test"), (18443, "https://consul.test:18443")])
def test_the_ui_has_the_port_that_browsers_use(port: int, url: str) -> None:
    settings = development(ingress_enabled=True, ingress_host="consul.test", ingress_port=port)
    assert declare(settings).outputs["uiUrl"] == url


def test_the_attributes_of_the_component_are_its_outputs() -> None:
    assert set(Outputs.__dataclass_fields__) == {name_in_python(name) for name in declare(development()).outputs}


def name_in_python(output: str) -> str:
    """Return the attribute of an output: `ui_url` for `uiUrl`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in output)


def test_the_package_exports_what_programs_need() -> None:
    assert components.ConsulCluster is ConsulCluster
    assert components.Outputs is Outputs
    assert issubclass(ConsulCluster, Outputs)
    assert all(hasattr(components, name) for name in components.__all__)
    assert not hasattr(components, "Consul")
