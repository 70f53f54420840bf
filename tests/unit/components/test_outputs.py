"""The outputs are an API: other programs rely on their names, types and secrecy. The README's table is the contract."""

from typing import Any

from plugin.schema import TYPE, package_schema
from tests.support.graph import declare, development, production
from tests.support.outputs import ADVICE, contract, type_of


def declared_types(spec: dict[str, Any], required: bool) -> frozenset[str]:
    """A type of the schema, in the table's words."""
    name = str(spec["type"])
    if name == "array":
        name = f"list of {spec['items']['type']}s"
    elif name == "object":
        name = f"object of {spec['additionalProperties']['type']}s"
    return frozenset({name} if required else {name, "null"})


def test_what_the_component_declares_is_what_is_promised() -> None:
    resource = package_schema()["resources"][TYPE]
    declared = {
        name: declared_types(spec, name in resource["required"]) for name, spec in resource["properties"].items()
    }
    assert declared == {name: promise.types for name, promise in contract().items()}, ADVICE


def test_what_comes_out_is_what_is_promised() -> None:
    promises = contract()
    for settings in (development(), development(ingress_enabled=True, ingress_host="consul.test"), production()):
        outputs = declare(settings).outputs
        assert outputs.keys() == promises.keys(), ADVICE
        wrong = {name: value for name, value in outputs.items() if type_of(value) not in promises[name].types}
        assert wrong == {}, ADVICE
