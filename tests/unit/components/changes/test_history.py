"""What an update knows about the cluster before it."""

from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components.changes.history import History, addresses, history, read_history
from components.changes.refusals import record
from components.settings import Settings
from components.trust.generations import KEY_SETTINGS
from tests.support.graph import development, in_state, production, server_addresses, stash

FIRST_KEYS = {setting: [1] for setting in KEY_SETTINGS}
HEALTHY = stash("consul-healthy", True)


def after(settings: Settings, state: dict[str, Any]) -> History:
    return history("consul", settings, state)


def recorded(before: Settings, **values: Any) -> dict[str, Any]:
    """Return the state after an update with these settings; the state has numbers as floats."""
    first = History(False, 1, 3, (before.namespace,))
    return stash("consul", first.record(before) | values)


def test_the_first_update_is_the_first_attempt() -> None:
    assert after(production(), {}) == History(healthy=False, attempt=1, servers_so_far=3, first=True)
    assert after(production(), stash("another", record(production()))).attempt == 1
    # A Stash of the user's own program.
    urn = "urn:pulumi:unit::consul-cluster::pulumi:index:Stash::consul"
    assert after(production(), {urn: {"outputs": {"input": "x"}}}).attempt == 1


@pytest.mark.parametrize(
    "change",
    [
        {"storage_class": "other"},
        {"namespace": "other"},
        {"domain": "example.com"},
        {"environment": "development"},
        {"storage_class": "", "storage_nodes": ("a", "b", "c")},
        {"image": "hashicorp/consul:1.22.5"},
        {"server_resources": {"requests": {"cpu": "1"}}},
        {"gossip_keys": (1, 2)},
        {"ca_keys": (1, 2)},
        {"management_keys": (2,)},
    ],
)
def test_before_it_was_healthy_a_cluster_starts_over(change: dict[str, Any]) -> None:
    before = recorded(production())
    assert after(production(), before) == History(healthy=False, attempt=1, servers_so_far=3)
    over = after(production(**change), before)
    assert over.attempt == 2
    assert over.starts_over
    assert not over.protects_data(production())
    # The next update with the same settings goes on with the same attempt, until the cluster is healthy.
    state = stash("consul", over.record(production(**change)))
    assert after(production(**change), state) == over
    healthy = after(production(**change), state | HEALTHY)
    assert (healthy.attempt, healthy.starts_over) == (2, False)
    assert healthy.protects_data(production())


@pytest.mark.parametrize(
    ("mark", "ca", "gossip", "removed"),
    [
        ({}, [1], [1], 0),
        (HEALTHY, [1], [1], 0),
        (stash("consul-healthy", {"gossipKeys": [2.0, 1.0]}), [1], [2, 1], 0),
        (stash("consul-healthy", {"gossipKeys": [1.0], "caKeys": [3.0, 2.0], "removedCas": 1.0}), [3, 2], [1], 1),
    ],
    ids=["none", "of a version without generations", "with those of the gossip key", "with generations"],
)
def test_the_mark_has_the_keys_that_every_agent_confirmed(
    mark: dict[str, Any], ca: list[int], gossip: list[int], removed: int
) -> None:
    state = recorded(production(), attempt=0.0 if not mark else 1.0) | mark
    settings = production(ca_keys=(3, 4), gossip_keys=(1, 2))
    known = after(settings, state)
    assert known.generations(settings) == FIRST_KEYS | {"caKeys": ca, "gossipKeys": gossip}
    assert known.removed_cas == removed
    assert known.rotates_ca(settings)
    assert not known.rotates_ca(production(ca_keys=tuple(ca)))


def test_a_cluster_that_was_never_healthy_has_the_keys_declared() -> None:
    settings = production(ca_keys=(5,), gossip_keys=(2, 3), metrics_keys=(4,))
    first = after(settings, {})
    declared = {"caKeys": [5], "gossipKeys": [2, 3], "metricsKeys": [4]}
    assert first.generations(settings) == FIRST_KEYS | declared
    assert first.removed_cas == 0
    assert not first.rotates_ca(settings)


def test_tokens_rotate_only_in_a_healthy_cluster_with_acls() -> None:
    changed = production(agent_keys=(2, 1))
    state = recorded(production())
    assert not after(changed, state).rotates_tokens(changed)
    healthy = after(changed, state | HEALTHY)
    assert healthy.rotates_tokens(changed)
    assert not healthy.rotates_tokens(production())
    # The ACL Job would wait for servers that the update brings back.
    assert not healthy.rotates_tokens(production(agent_keys=(2, 1), allow_degraded=True))
    confirmed = stash("consul-healthy", {"agentKeys": [2.0, 1.0]})
    assert not after(changed, state | confirmed).rotates_tokens(changed)
    without = recorded(development(acl_enabled=False)) | HEALTHY
    assert not after(changed, without).rotates_tokens(changed)
    # The update that was to enable ACLs was interrupted.
    interrupted = state | stash("consul-healthy", {"aclEnabled": False})
    assert not after(changed, interrupted).rotates_tokens(changed)


def test_an_update_after_an_interrupted_one_is_counted() -> None:
    changed = production(agent_keys=(2, 1))
    confirmed = stash("consul-healthy", {"agentKeys": [1.0]})
    state = recorded(changed) | confirmed
    assert after(changed, recorded(production()) | confirmed).interruptions == 0
    again = after(changed, state)
    assert again.interruptions == 1
    # The number stays, so that the pre-flight check does not run once more.
    finished = stash("consul", again.record(changed)) | stash("consul-healthy", {"agentKeys": [2.0, 1.0]})
    assert after(changed, finished).interruptions == 1


def test_tokens_of_an_update_that_was_never_healthy_are_revoked_too() -> None:
    assert after(production(), recorded(production(), accessors=["a"])).revoked([]) == ["a"]


def test_tokens_that_were_ever_declared_are_revoked_unless_they_are_declared() -> None:
    state = recorded(production(), accessors=["a", "b"], revokedAccessors=["c"]) | HEALTHY
    assert after(production(), state).revoked(["b", "d"]) == ["a", "c"]


def test_other_changes_belong_to_the_same_attempt() -> None:
    changed = production(client_resources={"requests": {"cpu": "1"}}, client_replicas=5)
    assert after(changed, recorded(production())) == History(healthy=False, attempt=1, servers_so_far=3)


@pytest.mark.parametrize("unused", [("e",), ()], ids=["moved", "fewer"])
def test_other_nodes_start_over_even_if_they_have_no_server(unused: tuple[str, ...]) -> None:
    before, changed = (production(storage_class="", storage_nodes=("a", "b", "c", *last)) for last in ("d", unused))
    assert after(changed, recorded(before)) == History(healthy=False, attempt=2, servers_so_far=3)


@pytest.mark.parametrize("servers", [3, 7])
def test_another_number_of_servers_starts_over(servers: int) -> None:
    known = after(production(server_replicas=servers), recorded(production(server_replicas=5)))
    assert known == History(healthy=False, attempt=2, servers_so_far=servers)


def test_a_volume_that_a_removed_server_has_used_stays() -> None:
    nodes = ("a", "b", "c", "d", "e")
    five, three = (production(storage_class="", storage_nodes=nodes, server_replicas=number) for number in (5, 3))
    known = after(three, stash("consul", after(five, {}).record(five)) | HEALTHY)
    assert (known.attempt, known.servers_so_far) == (1, 5)


def test_the_namespace_of_an_earlier_attempt_cannot_come_back() -> None:
    wrong, right = production(namespace="wrong"), production(namespace="right")
    over = after(right, recorded(wrong))
    state = stash("consul", over.record(right))
    assert over.namespaces == ("wrong", "right")
    assert after(right, state) == over
    assert after(production(namespace="third"), state).namespaces == ("wrong", "right", "third")
    with pytest.raises(pulumi.RunError, match="namespace cannot go back to wrong"):
        after(wrong, state)


def test_a_healthy_cluster_never_starts_over() -> None:
    changed = production(storage_class="other")
    assert after(changed, recorded(production()) | HEALTHY) == History(healthy=True, attempt=1, servers_so_far=3)


def test_a_cluster_of_an_earlier_version_was_healthy() -> None:
    nodes = production(storage_class="", storage_nodes=("a", "b", "c", "d", "e"))
    known = after(production(storage_class="other"), stash("consul", record(nodes)))
    assert known == History(healthy=True, attempt=0, servers_so_far=5)
    # Also if the update to this version fails before the health check.
    state = stash("consul", known.record(nodes))
    assert after(production(storage_class="other"), state) == known


def test_the_largest_number_of_servers_is_remembered() -> None:
    state = recorded(production(), serversSoFar=5.0) | HEALTHY
    assert after(production(), state).servers_so_far == 5
    assert after(production(server_replicas=7), state).servers_so_far == 7


def test_two_clusters_of_one_name_are_told_apart_by_their_namespaces() -> None:
    mine, other = production(namespace="mine"), production(namespace="other")
    theirs = {
        urn.replace("::consul-cluster::", "::consul-cluster::their:index:Parent$"): of
        for urn, of in (recorded(other) | HEALTHY).items()
    }
    state = recorded(mine, attempt=2.0) | theirs
    assert after(mine, state) == History(healthy=False, attempt=2, servers_so_far=3)
    assert after(other, state) == History(healthy=True, attempt=1, servers_so_far=3)
    # Rather refuse too much than nothing.
    assert after(production(namespace="third"), state).healthy


class Backend:
    """Answers after some failures, like a file:// backend to which the engine writes at the same time."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def invoke(self, function: str, arguments: dict[str, str]) -> SimpleNamespace:
        assert function.endswith("readStackResourceOutputs")
        assert arguments["stackName"].count("/") == 2
        self.failures -= 1
        if self.failures >= 0:
            raise RuntimeError("failed to load checkpoint: EOF")
        return SimpleNamespace(value={"outputs": recorded(production()) | HEALTHY})


@pytest.mark.parametrize("failures", [0, 1, 5, 100])
def test_a_read_of_the_state_that_fails_is_tried_again(failures: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "invoke", Backend(failures).invoke)
    monkeypatch.setattr("components.changes.history._READ_INTERVAL_SECONDS", 0)
    if failures == 100:
        with pytest.raises(RuntimeError, match="EOF"):
            read_history("consul", production())
    else:
        assert read_history("consul", production()).healthy


def test_only_the_stash_of_this_name_is_read() -> None:
    state = recorded(development()) | stash("other-healthy", True)
    assert not after(development(), state).healthy


def test_the_servers_addresses_are_those_of_the_cluster_in_the_same_namespace() -> None:
    state = server_addresses("consul", **{"consul-0": "10.96.0.1"})
    state |= server_addresses("other", "other:index:Other$", **{"consul-0": "10.96.0.2"})
    assert addresses("consul", development(), state) == {"consul-0": "10.96.0.1"}
    assert addresses("consul", development(namespace="other"), state) == {"consul-0": "10.96.0.2"}
    assert addresses("consul", development(), {}) == {}


@pytest.mark.parametrize("data", [None, {"consul-0.json": "{"}, {"consul-0.json": "{}"}, {"consul-0.json": "[]"}])
def test_a_config_map_that_somebody_changed_has_no_addresses(data: dict[str, str] | None) -> None:
    outputs = {"metadata": {"namespace": "consul"}, "data": data}
    state = in_state("kubernetes:core/v1:ConfigMap", "consul-addresses", outputs)
    assert addresses("consul", development(), state) == {}
