"""The names, types and secrecy of the outputs in the real engine's state match docs/outputs-contract.json."""

from typing import Any

import pytest

from tests.support.outputs import ADVICE, broken_promises
from tests.support.settings import DEVELOPMENT, PRODUCTION
from tests.support.stack import WITHOUT_CLUSTER, Stack


@pytest.mark.parametrize("settings", [DEVELOPMENT, PRODUCTION], ids=["development", "production"])
def test_the_outputs_match_the_contract(stack: Stack, settings: dict[str, Any]) -> None:
    stack.configure(settings)
    stack.up(*WITHOUT_CLUSTER)
    (outputs,) = [each["outputs"] for each in stack.deployment() if each["type"] == "pulumi:pulumi:Stack"]
    found = broken_promises(outputs)
    assert found == [], ADVICE
