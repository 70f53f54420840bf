"""Changes that a running cluster would not survive."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.changes.refusals import degraded_rotation, lost_quorum, record, refusal_kinds, refusals, released
from components.settings import Settings
from components.trust.generations import TOKEN_SETTINGS
from tests.support.graph import development, production

NODES = tuple(f"node-{number}" for number in range(1, 8))


def before() -> dict[str, Any]:
    return record(development()) | {
        "caKey": "a",
        "caKey-2": "e",
        "gossipKey": "b",
        "gossipKey-2": "d",
        "aclSeed": "c",
        "aclSeed-2": "f",
    }


@pytest.mark.parametrize(
    ("servers", "wanted", "way"),
    [(3, 1, "snapshot"), (7, 3, "Go to 5 first"), (7, 1, "Go to 5 first"), (5, 1, "Go to 3 first")],
)
def test_removing_more_servers_than_the_cluster_tolerates_is_refused(servers: int, wanted: int, way: str) -> None:
    (refusal,) = refusals({"serverReplicas": servers}, {"serverReplicas": wanted})
    assert f"from {servers} to {wanted}" in refusal
    assert way in refusal


@given(st.sampled_from([1, 3, 5, 7]), st.sampled_from([1, 3, 5, 7]))
def test_a_change_that_keeps_a_majority_is_allowed(servers: int, wanted: int) -> None:
    refused = list(refusals({"serverReplicas": servers}, {"serverReplicas": wanted}))
    majority_stays = wanted > servers // 2
    assert bool(refused) != majority_stays


def test_a_restarting_server_counts_as_removed() -> None:
    assert not list(lost_quorum(7, 5, rolled=True))
    assert not list(lost_quorum(3, 3, rolled=True))
    assert not list(lost_quorum(3, 5, rolled=True))
    assert not list(lost_quorum(5, 3))
    (refusal,) = lost_quorum(5, 3, rolled=True)
    assert "3 servers would go at once" in refusal
    assert "Set it back to 5, update, and then change the number alone" in refusal


def test_production_cannot_become_development() -> None:
    dev = record(development())
    assert not list(refusals(dev, dev | {"environment": "production"}))
    (refusal,) = refusals(dev | {"environment": "production"}, dev)
    assert 'consul-cluster:environment cannot change from "production" to "development"' in refusal


@pytest.mark.parametrize("key", ["namespace", "datacenter", "domain", "storageSize", "storageClass", "storagePath"])
def test_a_change_of_a_fixed_setting_is_refused_with_the_safe_way(key: str) -> None:
    (refusal,) = refusals(before(), before() | {key: "another"})
    assert refusal.startswith(f"consul-cluster:{key} cannot change from")
    assert "snapshot" in refusal


def test_acls_can_be_enabled_but_not_disabled() -> None:
    off = before() | {"aclEnabled": False}
    assert not list(refusals(off, before()))
    (refusal,) = refusals(before(), off)
    assert "Set it back" in refusal


@pytest.mark.parametrize("key", ["caKey", "caKey-2", "gossipKey", "gossipKey-2", "aclSeed", "aclSeed-2"])
@pytest.mark.parametrize("new", ["another", None], ids=["known", "not known yet"])
def test_a_new_key_is_refused(key: str, new: str | None) -> None:
    (refusal,) = refusals(before(), before() | {key: new})
    assert "would replace" in refusal


def assert_refused(setting: str, old: list[int], new: list[int], first: list[int]) -> None:
    """Assert that a list of generations cannot change from `old` to `new`, but to `first`, which the message names."""
    (refusal,) = refusals({setting: [float(each) for each in old]}, {setting: new})
    assert f"consul-cluster:{setting} cannot change from {old} to {new}" in refusal
    assert f"Set it to {first} first" in refusal
    assert f"or back to {old}" in refusal
    assert not list(refusals({setting: old}, {setting: first}))


ROTATED = pytest.mark.parametrize("setting", ["caKeys", "gossipKeys"])


@ROTATED
def test_keys_change_one_step_at_a_time(setting: str) -> None:
    allowed = [([1], [1, 2]), ([1, 2], [2, 1]), ([2, 1], [2]), ([2, 1], [1, 2]), ([1, 2], [1]), ([2, 1], [2, 3])]
    for old, new in allowed:
        assert not list(refusals({setting: [float(each) for each in old]}, {setting: new}))


@ROTATED
@pytest.mark.parametrize(
    ("old", "new", "first"),
    [([1], [2], [1, 2]), ([1], [2, 1], [1, 2]), ([1, 2], [2], [2, 1]), ([1, 2], [3], [1, 3]), ([2, 1], [1], [1, 2])],
)
def test_a_skipped_step_is_refused(setting: str, old: list[int], new: list[int], first: list[int]) -> None:
    assert_refused(setting, old, new, first)


EACH_TOKEN_SETTING = pytest.mark.parametrize("setting", TOKEN_SETTINGS)


@EACH_TOKEN_SETTING
def test_tokens_change_in_two_steps(setting: str) -> None:
    allowed = [([1], [2, 1]), ([2, 1], [2]), ([2, 1], [1, 2]), ([1, 2], [1]), ([2, 1], [3, 2]), ([1], [1, 2])]
    for old, new in allowed:
        assert not list(refusals({setting: [float(each) for each in old]}, {setting: new}))


@EACH_TOKEN_SETTING
@pytest.mark.parametrize(("old", "new", "first"), [([1], [2], [2, 1]), ([2, 1], [1], [1, 2]), ([2, 1], [3, 1], [3, 2])])
def test_tokens_in_use_do_not_end_in_one_step(setting: str, old: list[int], new: list[int], first: list[int]) -> None:
    assert_refused(setting, old, new, first)


@EACH_TOKEN_SETTING
def test_other_tokens_come_into_use_only_in_a_cluster_that_is_not_degraded(setting: str) -> None:
    confirmed: dict[str, list[float]] = {each: [1.0] for each in TOKEN_SETTINGS}
    (refusal,) = degraded_rotation(confirmed, confirmed | {setting: [2, 1]})
    assert f"consul-cluster:{setting} cannot change from [1] to [2, 1] while allowDegraded is true" in refusal
    assert "[1, 2]" in refusal
    assert not list(degraded_rotation(confirmed, confirmed | {setting: [1, 2]}))
    assert not list(degraded_rotation(confirmed, confirmed))


def test_a_gossip_key_that_is_removed_may_have_another_value_later() -> None:
    without = {key: value for key, value in before().items() if key != "gossipKey-2"}
    assert not list(refusals(before(), without))
    assert not list(refusals(without, before()))


def test_a_volume_cannot_move_to_another_node() -> None:
    def nodes(*names: str) -> dict[str, Any]:
        return record(development(storage_nodes=names))

    assert not list(refusals(nodes(*NODES[:3]), nodes(*NODES[:5])))
    (refusal,) = refusals(nodes("a", "b", "c"), nodes("a", "d", "c"))
    assert 'from "b" to "d" at position 2' in refusal
    (refusal,) = refusals(nodes("a", "b", "c", "d"), nodes("a", "b", "c"))
    assert 'cannot lose "d" at position 4' in refusal
    three = {"serversSoFar": 3.0}
    assert not list(refusals(nodes("a", "b", "c", "d") | three, nodes("a", "b", "c")))
    (refusal,) = refusals(nodes("a", "b", "c", "d") | three, nodes("a", "b", "e", "f"))
    assert 'from "c" to "e" at position 3' in refusal


@given(st.sampled_from(["image", "logLevel", "raftMultiplier", "clientReplicas"]))
def test_other_settings_are_not_recorded(key: str) -> None:
    assert key not in record(production())


def test_without_a_record_nothing_is_refused() -> None:
    assert not list(refusals({}, before()))


def test_a_setting_whose_change_is_refused_is_recorded_and_documented() -> None:
    fixed = {entry.key: entry.setting.change for entry in Settings.entries() if entry.setting.change.refused_because}
    assert fixed.keys() >= {"namespace", "datacenter", "domain", "storageSize", "storageClass", "storagePath"}
    assert fixed.keys() <= record(production()).keys()
    for key, change in fixed.items():
        (row,) = [refusal for refusal in refusal_kinds() if f"`{key}`" in refusal.change]
        assert row.reason == change.refused_because
        (message,) = refusals(before(), before() | {key: "another"})
        assert f'cannot change from {json.dumps(before()[key])} to "another": {row.reason}. Set it back' in message


def test_every_rule_is_documented() -> None:
    for key in ("serverReplicas", "storageNodes", "environment", "aclEnabled"):
        assert any(f"`{key}`" in refusal.change for refusal in refusal_kinds())
    assert all(all(refusal) for refusal in refusal_kinds())


def test_released_volumes_come_with_the_command_that_mends_them() -> None:
    assert not list(released([]))
    (refusal,) = released(["consul-data-consul-0", "consul-data-consul-2"])
    assert "kubectl patch persistentvolume consul-data-consul-0 consul-data-consul-2 --type=json" in refusal
