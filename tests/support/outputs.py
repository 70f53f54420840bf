"""The contract of the outputs: the names, types and secrecy on which other programs rely."""

import json
from pathlib import Path
from typing import Any, NamedTuple, cast

CONTRACT = Path(__file__).parents[2] / "docs" / "outputs-contract.json"

ADVICE = (
    "The outputs differ from docs/outputs-contract.json. If you added an output, run make docs. A changed name, type "
    "or secrecy breaks programs that use the output: restore it, or change the contract by hand and inform the users."
)

TYPES: dict[type[object], str] = {str: "string", list: "list of strings", dict: "map of strings"}


class Promise(NamedTuple):
    """The contract of one output: its types, and whether it is secret."""

    types: frozenset[str]
    secret: bool


def contract() -> dict[str, Promise]:
    """Return the contract of docs/outputs-contract.json, by the outputs' names."""
    written: dict[str, dict[str, Any]] = json.loads(CONTRACT.read_text())
    return {
        name: Promise(frozenset({each["type"], "null"} if each["nullable"] else {each["type"]}), each["secret"])
        for name, each in written.items()
    }


def type_of(value: object) -> str:
    """Return the name that the contract uses for a value's type."""
    return "null" if value is None else TYPES[type(value)]


SPECIAL = "4dabf18193072939515e22adb298388d"
"""The key that marks a special value of the engine. In the outputs of a state, only secrets have it."""

FROM_KUBERNETES = {"secretName", "configMapName"}
"""Outputs that are unknown until Kubernetes has created the objects. In unit tests, mocks return them."""


def broken_promises(outputs: dict[str, Any]) -> list[str]:
    """Return how outputs differ from the contract, one message each, without their values.

    `outputs` are those of `pulumi stack export --show-secrets`.
    """
    promises = contract()
    secrets = {name: json.loads(value["plaintext"]) for name, value in outputs.items() if is_secret(value)}
    found = [f"{name} is not in the contract" for name in outputs.keys() - promises.keys()]
    for name, promise in promises.items():
        if name not in outputs:
            # The state does not contain an output that is null and not secret.
            if "null" not in promise.types and name not in FROM_KUBERNETES:
                found.append(f"{name} is missing")
            continue
        if (name in secrets) is not promise.secret:
            found.append(f"{name} is {'not ' if promise.secret else ''}a secret")
        if (is_now := type_of(secrets.get(name, outputs[name]))) not in promise.types:
            found.append(f"{name} has the type {is_now}")
    return found


def is_secret(value: object) -> bool:
    """Return whether an exported value is encrypted in the state."""
    return isinstance(value, dict) and SPECIAL in cast("dict[str, object]", value)
