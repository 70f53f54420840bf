"""Fixtures for tests on the real engine without a Kubernetes cluster."""

from pathlib import Path

import pytest

from tests.support.settings import DEVELOPMENT
from tests.support.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Return a new stack with development settings."""
    stack = Stack(tmp_path)
    stack.configure(DEVELOPMENT)
    return stack
