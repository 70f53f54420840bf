"""The outputs' names, types and secrecy in a real engine's state, against docs/outputs-contract.json."""

import json
from typing import Any, cast

import pytest

from tests.preview.conftest import DEVELOPMENT, PRODUCTION
from tests.support.stack import WITHOUT_CLUSTER, Stack
from tests.unit.components.test_outputs import ADVICE, contract, type_of

SPECIAL = "4dabf18193072939515e22adb298388d"
"""The key that tells the engine's special values from plain ones; among a state's outputs, secrets alone have it."""

FROM_KUBERNETES = {"secretName", "configMapName"}
"""Outputs which nobody knows before Kubernetes has their objects; the mocks of tests/unit know them."""


@pytest.mark.parametrize("settings", [DEVELOPMENT, PRODUCTION], ids=["development", "production"])
def test_the_outputs_are_what_is_promised(stack: Stack, settings: dict[str, Any]) -> None:
    stack.configure(settings)
    stack.up(*WITHOUT_CLUSTER)
    (outputs,) = [each["outputs"] for each in stack.deployment() if each["type"] == "pulumi:pulumi:Stack"]
    found = broken_promises(outputs)
    assert found == [], ADVICE


def broken_promises(outputs: dict[str, Any]) -> list[str]:
    """Return how outputs, as `stack export --show-secrets` has them, differ from the contract; no value is in it."""
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
