"""How many steps may wait."""

import pulumi
import pytest

from components import parallelism
from components.parallelism import may_wait


@pytest.mark.parametrize(
    ("parallel", "clusters"),
    [(None, [False]), (1, [False]), (2, [False]), (3, [True, False]), (5, [True, True, False])],
)
def test_one_step_that_does_not_wait_is_left(
    monkeypatch: pytest.MonkeyPatch, parallel: int | None, clusters: list[bool]
) -> None:
    monkeypatch.setattr(parallelism, "_waiting", 0)
    monkeypatch.setattr(pulumi.runtime.settings.SETTINGS, "parallel", parallel)
    assert [may_wait(2) for _ in clusters] == clusters
