"""The real engine refuses changes that a running cluster would not survive, before it changes anything."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.settings import PRODUCTION
from tests.support.stack import WITHOUT_CLUSTER, Stack

NODES = [f"node-{number}" for number in range(1, 8)]
DEVELOPMENT: dict[str, Any] = {"environment": "development", "storageNodes": NODES, "serverReplicas": 7}


def bring_up(stack: Stack, settings: dict[str, Any]) -> None:
    stack.configure(settings)
    stack.up(*WITHOUT_CLUSTER)
    stack.mark_healthy()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return a stack with seven servers. Tests only preview changes of it."""
    stack = Stack(tmp_path_factory.mktemp("running"))
    bring_up(stack, DEVELOPMENT)
    return stack


NEW_CLUSTER = "consul-cluster snapshot"


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (
            {
                "serverReplicas": 3,
                "namespace": "other",
                "datacenter": "dc2",
                "domain": "example.com",
                "storageSize": "20Gi",
                "storagePath": "/elsewhere",
                "aclEnabled": False,
            },
            {
                "serverReplicas": ("tolerates the loss of 3", "Go to 5 first"),
                "namespace": ("every object", NEW_CLUSTER),
                "datacenter": ("could not talk to the others", NEW_CLUSTER),
                "domain": ("could not talk to the others", NEW_CLUSTER),
                "storageSize": ("replace the servers' StatefulSet", NEW_CLUSTER),
                "storagePath": ("without their data", NEW_CLUSTER),
                "aclEnabled": ("would be refused by the others", "pulumi destroy"),
            },
        ),
        (
            {"storageClass": "fast", "storageNodes": []},
            {
                "storageClass": ("replace the servers' StatefulSet", NEW_CLUSTER),
                "storageNodes": ("without its data", "add nodes at the end only"),
            },
        ),
        (
            {"storageNodes": [*NODES[1:], NODES[0]]},
            {"storageNodes": ("without its data", "add nodes at the end only")},
        ),
    ],
    ids=["many", "another storage class", "another order of nodes"],
)
def test_changes_that_lose_quorum_or_data_are_refused(
    running: Stack, change: dict[str, Any], refused: dict[str, tuple[str, str]]
) -> None:
    before = running.state.read_text()
    running.configure(DEVELOPMENT | change)
    _, *messages = refusal(running.preview(check=False)).split("consul-cluster:")
    for key, (reason, remedy) in refused.items():
        (found, *_) = [message for message in messages if message.startswith(f"{key} cannot ")]
        assert reason in found
        assert remedy in found
    assert {message.split()[0] for message in messages} == refused.keys()
    assert running.state.read_text() == before


def refusal(printed: str) -> str:
    """Return the errors of a refused preview on one line."""
    assert "Traceback" not in printed
    assert "error: preview failed" in printed
    return " ".join(printed.partition("Diagnostics:")[2].split())


def test_other_changes_are_allowed(running: Stack) -> None:
    running.configure(DEVELOPMENT | {"serverReplicas": 5, "logLevel": "debug", "clientReplicas": 0})
    running.preview()


def test_a_refusal_does_not_wait_for_the_program_to_be_killed(running: Stack) -> None:
    """The engine kills a language host that does not exit within 5 s of its signal."""
    seconds: list[float] = []
    for change in ({"logLevel": "debug"}, {"datacenter": "dc2"}):
        running.configure(DEVELOPMENT | change)
        started = time.monotonic()
        running.preview(check="datacenter" not in change)
        seconds.append(time.monotonic() - started)
    passed, refused = seconds
    assert refused < passed + 3


def test_an_update_also_refuses_before_it_changes_anything(running: Stack) -> None:
    running.configure(
        DEVELOPMENT | {"serverReplicas": 3, "certificateValidityHours": 100, "certificateRenewalHours": 1}
    )
    before = tls_outputs(running)
    assert "Go to 5 first" in running.refused()
    assert tls_outputs(running) == before


def test_a_refused_update_changes_no_output(running: Stack) -> None:
    running.configure(DEVELOPMENT)
    before = running.outputs()
    running.configure(DEVELOPMENT | {"managementKeys": [2, 1], "gossipKeys": [2]})
    assert "gossipKeys cannot change" in running.refused()
    assert running.outputs() == before


def tls_outputs(stack: Stack) -> dict[str, Any]:
    """Return the outputs of the keys and certificates in the state, by URN."""
    return {of["urn"]: of["outputs"] for of in stack.deployment() if of["type"].startswith("tls:")}


def test_a_new_key_is_refused_in_development_too(running: Stack) -> None:
    keys = {
        "tls:index/privateKey:PrivateKey::consul-ca": "a CA's private key",
        "random:index/randomPassword:RandomPassword::consul-gossip": "a gossip key",
        "random:index/randomPassword:RandomPassword::consul-acl": "a seed of ACL tokens",
    }
    running.configure(DEVELOPMENT)
    urns = [found["urn"] for found in running.deployment() if found["urn"].endswith(tuple(keys))]
    assert len(urns) == len(keys)
    printed = refusal(running.preview(*(f"--replace={urn}" for urn in urns), check=False))
    assert [what for what in keys.values() if f"would replace {what}" not in printed] == []


def test_production_scales_from_five_servers_to_three_without_deleting_a_volume(tmp_path: Path) -> None:
    nodes = {"storageClass": "", "storageNodes": NODES[:5]}
    stack = Stack(tmp_path)
    bring_up(stack, PRODUCTION | nodes | {"serverReplicas": 5})
    stack.configure(PRODUCTION | nodes | {"serverReplicas": 3})
    printed = stack.preview()
    assert "delete" not in printed
    stack.configure(PRODUCTION | nodes | {"serverReplicas": 3, "storageNodes": NODES[:3]})
    assert "storageNodes cannot lose" in refusal(stack.preview(check=False))
