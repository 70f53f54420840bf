"""The outputs' contract: names, types and secrecy that other programs rely on."""

import json
from typing import Any, NamedTuple, cast

from tests.support.readme import rows

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


SPECIAL = "4dabf18193072939515e22adb298388d"
"""The key that tells the engine's special values from plain ones; among a state's outputs, secrets alone have it."""


FROM_KUBERNETES = {"secretName", "configMapName"}
"""Outputs which nobody knows before Kubernetes has their objects; the mocks of tests/unit know them."""


def broken_promises(outputs: dict[str, Any]) -> list[str]:
    """What is not as the table says, of outputs as `stack export --show-secrets` has them; no value is in it."""
    promises = contract()
    secrets = {name: json.loads(value["plaintext"]) for name, value in outputs.items() if is_secret(value)}
    found = [f"{name} is not in the table" for name in outputs.keys() - promises.keys()]
    for name, promise in promises.items():
        if name not in outputs:
            # A null that is no secret is not in the state.
            if "null" not in promise.types and name not in FROM_KUBERNETES:
                found.append(f"{name} is missing")
            continue
        if (name in secrets) is not promise.secret:
            found.append(f"{name} is {'no' if promise.secret else 'a'} secret")
        if (is_now := type_of(secrets.get(name, outputs[name]))) not in promise.types:
            found.append(f"{name} is of type {is_now}")
    return found


def is_secret(value: object) -> bool:
    """Whether an exported value is encrypted in the state."""
    return isinstance(value, dict) and SPECIAL in cast("dict[str, object]", value)
