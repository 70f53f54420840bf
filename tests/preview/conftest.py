"""Stacks with no cluster behind them."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import Stack

DEVELOPMENT: dict[str, Any] = {
    "environment": "development",
    "storageNodes": ["node-1", "node-2", "node-3"],
    "ingressEnabled": True,
    "ingressHost": "consul.localhost",
}
PRODUCTION: dict[str, Any] = {"environment": "production", "storageClass": "standard"}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A new stack with development's settings."""
    stack = Stack(tmp_path)
    stack.configure(DEVELOPMENT)
    return stack
