"""Stacks with no cluster behind them."""

from pathlib import Path

import pytest

from tests.support.settings import DEVELOPMENT
from tests.support.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A new stack with development's settings."""
    stack = Stack(tmp_path)
    stack.configure(DEVELOPMENT)
    return stack
