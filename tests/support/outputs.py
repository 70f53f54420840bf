"""The outputs' contract: names, types and secrecy that other programs rely on."""

import json
from pathlib import Path
from typing import Any, NamedTuple, cast

CONTRACT = Path(__file__).parents[2] / "docs" / "outputs-contract.json"

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


SPECIAL = "4dabf18193072939515e22adb298388d"
"""The key that tells the engine's special values from plain ones; among a state's outputs, secrets alone have it."""


FROM_KUBERNETES = {"secretName", "configMapName"}
"""Outputs which nobody knows before Kubernetes has their objects; the mocks of tests/unit know them."""


def broken_promises(outputs: dict[str, Any]) -> list[str]:
    """What is not as the table says, of outputs as `stack export --show-secrets` has them; no value is in it."""
    promises = contract()
    secrets = {name: json.loads(value["plaintext"]) for name, value in outputs.items() if is_secret(value)}
    found = [f"{name} is not in the contract" for name in outputs.keys() - promises.keys()]
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
