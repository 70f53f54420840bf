"""The outputs are an API: other programs rely on their names, types and secrecy (docs/outputs-contract.json)."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import components
from components.consul_cluster import ConsulCluster
from components.outputs import Outputs
from plugin.schema import TYPE, package_schema
from tests.unit.conftest import Declare, development, production

CONTRACT = Path(__file__).parents[3] / "docs" / "outputs-contract.json"

ADVICE = (
    "The outputs are not those of docs/outputs-contract.json. A new output: run make docs. Another name, type or "
    "secrecy breaks the programs that use the output: keep it as it was, or change the contract by hand and tell its "
    "users."
)

TYPES: dict[type[object], str] = {str: "string", list: "list of strings", dict: "map of strings"}


class Promise(NamedTuple):
    """What the contract says of an output."""

    types: frozenset[str]
    secret: bool


def contract() -> dict[str, Promise]:
    """Return the checked-in contract, by the outputs' names."""
    written: dict[str, dict[str, Any]] = json.loads(CONTRACT.read_text())
    return {
        name: Promise(frozenset({each["type"], "null"} if each["nullable"] else {each["type"]}), each["secret"])
        for name, each in written.items()
    }


def type_of(value: object) -> str:
    """Return a value's type, in the contract's words."""
    return "null" if value is None else TYPES[type(value)]


def declared_types(spec: dict[str, Any], required: bool) -> frozenset[str]:
    """Return a type of the schema, in the contract's words."""
    name = str(spec["type"])
    if name == "array":
        name = f"list of {spec['items']['type']}s"
    elif name == "object":
        name = f"map of {spec['additionalProperties']['type']}s"
    return frozenset({name} if required else {name, "null"})


def test_what_the_component_declares_is_what_is_promised() -> None:
    resource = package_schema()["resources"][TYPE]
    declared = {
        name: declared_types(spec, name in resource["required"]) for name, spec in resource["properties"].items()
    }
    assert declared == {name: promise.types for name, promise in contract().items()}, ADVICE


def test_what_comes_out_is_what_is_promised(declare: Declare) -> None:
    promises = contract()
    for settings in (development(), development(ingress_enabled=True, ingress_host="consul.test"), production()):
        outputs = declare(settings).outputs
        assert outputs.keys() == promises.keys(), ADVICE
        wrong = {name: value for name, value in outputs.items() if type_of(value) not in promises[name].types}
        assert wrong == {}, ADVICE


def test_the_component_s_attributes_are_its_outputs(declare: Declare) -> None:
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
