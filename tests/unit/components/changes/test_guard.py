"""What the guard of the servers takes for a restart by others."""

from typing import Any

import pytest

from components.changes.guard import was_restarted


@pytest.mark.parametrize(
    ("spec", "restarted"),
    [
        ({"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-28"}}}}, True),
        ({"template": {"metadata": {"annotations": {"prometheus.io/scrape": "true"}}}}, False),
        ({"template": {"metadata": {"annotations": None}}}, False),
        ({"template": {"metadata": None}}, False),
        ({}, False),
    ],
)
def test_a_restart_leaves_an_annotation(spec: dict[str, Any], restarted: bool) -> None:
    assert was_restarted(spec) is restarted
