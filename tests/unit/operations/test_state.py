"""Which clusters a stack's state has, and which one a command is for."""

import pytest

from components.naming import Naming
from operations.commands import OperationError
from operations.state import RecordedCluster, choose, clusters
from tests.support.exported import CA_CERTIFICATE, exported

EAST = RecordedCluster(Naming("east", "shop"), {"east-ca": CA_CERTIFICATE})
WEST = RecordedCluster(Naming("west", "shop"), {"west-ca": CA_CERTIFICATE})
OTHER_EAST = RecordedCluster(Naming("east", "office"), {"east-ca": CA_CERTIFICATE})


def test_clusters_of_any_name_and_namespace_are_found() -> None:
    assert list(clusters(exported(("east", "shop"), ("east", "office")))) == [EAST, OTHER_EAST]


def test_a_new_stack_has_no_clusters() -> None:
    assert list(clusters({"version": 3, "deployment": {"manifest": {}}})) == []


def test_a_cluster_without_its_ca_is_not_complete() -> None:
    assert list(clusters(exported(("east", "shop"), ca=False))) == [RecordedCluster(Naming("east", "shop"), {})]


def test_a_replaced_ca_that_is_still_to_be_deleted_is_ignored() -> None:
    state = exported(("east", "shop"))
    old = state["deployment"]["resources"][-1]
    state["deployment"]["resources"].append(old | {"outputs": {"certPem": "OLD"}, "delete": True})
    assert list(clusters(state)) == [EAST]


@pytest.mark.parametrize(
    ("found", "component", "namespace", "chosen"),
    [
        ([EAST], None, None, EAST),
        ([EAST, WEST], "west", None, WEST),
        ([EAST, OTHER_EAST], None, "office", OTHER_EAST),
        ([EAST, WEST, OTHER_EAST], "east", "shop", EAST),
    ],
    ids=["the only one", "by its name", "by its namespace", "by both"],
)
def test_one_cluster_is_chosen(
    found: list[RecordedCluster], component: str | None, namespace: str | None, chosen: RecordedCluster
) -> None:
    assert choose("blue", found, component, namespace) == chosen


@pytest.mark.parametrize(
    ("found", "component", "namespace", "message"),
    [
        ([], None, None, "Stack blue has no Consul cluster: create it with pulumi up --stack blue"),
        (
            [WEST, EAST],
            None,
            None,
            "In stack blue, several Consul clusters match: choose one with --component and --namespace. "
            "The stack has east in the namespace shop; west in the namespace shop",
        ),
        ([EAST, OTHER_EAST], "east", None, "several Consul clusters match"),
        ([EAST], "west", None, "no Consul cluster matches"),
        ([EAST], "east", "office", "no Consul cluster matches"),
    ],
    ids=["none", "several", "several of one name", "another name", "another namespace"],
)
def test_a_cluster_that_is_not_unique_is_an_error(
    found: list[RecordedCluster], component: str | None, namespace: str | None, message: str
) -> None:
    with pytest.raises(OperationError) as error:
        choose("blue", found, component, namespace)
    assert message in str(error.value)
