"""The StatefulSets: how many pods a rolling update replaces at a time, and how long it may take."""

from typing import Any

import pytest
from pulumi_kubernetes.apps.v1.outputs import (
    RollingUpdateStatefulSetStrategy,
    StatefulSetSpec,
    StatefulSetUpdateStrategy,
)

from components.agents.stateful_sets import client_minutes, is_ignored
from tests.support.graph import declare, development


def spec(stateful_set: str, **changes: Any) -> dict[str, Any]:
    return declare(development(**changes)).of_kind("StatefulSet")[stateful_set]["spec"]


@pytest.mark.parametrize(("setting", "sent"), [("2", 2), ("25%", "25%"), ("100%", "100%")])
def test_the_limit_for_clients_is_sent_as_kubernetes_expects_it(setting: str, sent: int | str) -> None:
    strategy = spec("consul-client", client_max_unavailable=setting)["updateStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": sent}}


def test_an_update_waits_for_slow_clients() -> None:
    assert client_minutes(development(client_replicas=20, client_min_ready_seconds=300)) > 20 * 5


def test_by_default_nothing_is_sent_that_needs_a_feature_gate() -> None:
    assert "updateStrategy" not in spec("consul-client")


def test_only_clients_restart_several_at_once() -> None:
    assert spec("consul", client_max_unavailable="2", client_min_ready_seconds=3) == spec("consul")


def test_a_client_is_ready_for_as_long_as_set() -> None:
    assert spec("consul-client")["minReadySeconds"] == 10
    assert spec("consul-client", client_min_ready_seconds=0)["minReadySeconds"] == 0


def live(limit: int | str | None) -> StatefulSetSpec:
    """Return the spec of a StatefulSet as Kubernetes returns it: None is a limit that it has dropped."""
    rolling_update = RollingUpdateStatefulSetStrategy(partition=0, max_unavailable=limit)
    strategy = StatefulSetUpdateStrategy(type="RollingUpdate", rolling_update=rolling_update)
    return StatefulSetSpec(update_strategy=strategy, selector=None, template=None, service_name="consul-client")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("setting", "limit", "ignored"),
    [("1", None, False), ("2", None, True), ("25%", None, True), ("2", 2, False), ("25%", "25%", False)],
)
def test_a_limit_that_kubernetes_drops_is_ignored(setting: str, limit: int | str | None, ignored: bool) -> None:
    assert is_ignored(development(client_max_unavailable=setting), live(limit)) is ignored
