"""Names and addresses."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.devcluster.errors import DevclusterError
from tools.devcluster.plan import CONTROL_PLANE, MACHINES, MAX_NODES, PODS, SERVICES, check_name, plan_nodes


def test_nodes_are_named_from_one() -> None:
    assert [node.name for node in plan_nodes(3)] == ["node-1", "node-2", "node-3"]


def test_no_two_machines_share_an_address() -> None:
    addresses = [CONTROL_PLANE, *(node.address for node in plan_nodes(MAX_NODES))]
    assert len(set(addresses)) == len(addresses)
    assert all(address in MACHINES for address in addresses)


def test_no_two_networks_overlap() -> None:
    pods = [node.pods for node in plan_nodes(MAX_NODES)]
    assert all(network.subnet_of(PODS) for network in pods)
    assert not any(one.overlaps(other) for one, other in combinations([MACHINES, SERVICES, *pods], 2))


@pytest.mark.parametrize("count", [-1, 0, MAX_NODES + 1])
def test_an_invalid_number_of_nodes_is_refused_with_the_allowed_ones(count: int) -> None:
    with pytest.raises(DevclusterError, match=f"{count} nodes.*allowed: 1 to {MAX_NODES}"):
        plan_nodes(count)


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?", fullmatch=True))
def test_a_host_name_is_a_valid_cluster_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a/b", "..", "a" * 33])
def test_invalid_names_are_refused(name: str) -> None:
    with pytest.raises(DevclusterError, match="lower-case letters"):
        check_name(name)
