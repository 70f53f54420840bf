"""The outputs are an API: other programs rely on their names, types and secrecy. The README's table is the contract."""

from typing import Any, NamedTuple

from plugin.schema import TYPE, package_schema
from tests.repo.test_readme import rows
from tests.unit.conftest import Declare, development, production

ADVICE = (
    "The outputs are not those of the README's table Outputs. A new output: add its row. Another name, type or secrecy "
    "breaks the programs that use it: keep it as it was; if it has to change, change the row, and tell its users."
)

TYPES: dict[type[object], str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    list: "list of strings",
    dict: "object of strings",
}


class Promise(NamedTuple):
    """What the table says of an output."""

    types: frozenset[str]
    secret: bool


def contract() -> dict[str, Promise]:
    """The README's table: `string or null, **secret**`, by name."""
    promises: dict[str, Promise] = {}
    for name, cells in rows("Outputs").items():
        types, _, secrecy = cells[0].partition(", ")
        assert secrecy in ("", "**secret**"), f"{name}: {cells[0]}"
        promises[name] = Promise(frozenset(types.split(" or ")), bool(secrecy))
    return promises


def type_of(value: object) -> str:
    """A value's type, in the table's words."""
    return "null" if value is None else TYPES[type(value)]


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


def test_what_comes_out_is_what_is_promised(declare: Declare) -> None:
    promises = contract()
    for settings in (development(), development(ingress_enabled=True, ingress_host="consul.test"), production()):
        outputs = declare(settings).outputs
        assert outputs.keys() == promises.keys(), ADVICE
        wrong = {name: value for name, value in outputs.items() if type_of(value) not in promises[name].types}
        assert wrong == {}, ADVICE
