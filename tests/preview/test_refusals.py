"""The real engine refuses changes that a running cluster would not survive, before it changes anything."""

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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return a stack with seven servers. Tests only preview changes of it."""
    stack = Stack(tmp_path_factory.mktemp("running"))
    bring_up(stack, DEVELOPMENT)
    return stack


@pytest.mark.parametrize(
    ("change", "reason", "remedy"),
    [
        ({"serverReplicas": 3}, "tolerates the loss of 3", "Go to 5 first"),
        ({"namespace": "other"}, "every object", "consul-cluster snapshot"),
        ({"datacenter": "dc2"}, "could not talk to the others", "consul-cluster snapshot"),
        ({"domain": "example.com"}, "could not talk to the others", "consul-cluster snapshot"),
        ({"storageSize": "20Gi"}, "replace the servers' StatefulSet", "consul-cluster snapshot"),
        ({"storageClass": "fast", "storageNodes": []}, "replace the servers' StatefulSet", "consul-cluster snapshot"),
        ({"storagePath": "/elsewhere"}, "without their data", "consul-cluster snapshot"),
        ({"aclEnabled": False}, "would be refused by the others", "pulumi destroy"),
        ({"storageNodes": [*NODES[1:], NODES[0]]}, "without its data", "add nodes at the end only"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",  # pyright: ignore
)
def test_a_change_that_loses_quorum_or_data_is_refused(
    running: Stack, change: dict[str, Any], reason: str, remedy: str
) -> None:
    before = running.state.read_text()
    running.configure(DEVELOPMENT | change)
    printed = refusal(running.preview(check=False))
    assert f"consul-cluster:{next(iter(change))} cannot change from" in printed
    assert reason in printed
    assert remedy in printed
    assert running.state.read_text() == before


def refusal(printed: str) -> str:
    """Return the errors of a refused preview on one line."""
    assert "Traceback" not in printed
    assert "error: preview failed" in printed
    return " ".join(printed.partition("Diagnostics:")[2].split())


@pytest.mark.parametrize("change", [{"serverReplicas": 5}, {"logLevel": "debug"}, {"clientReplicas": 0}], ids=str)
def test_other_changes_are_allowed(running: Stack, change: dict[str, Any]) -> None:
    running.configure(DEVELOPMENT | change)
    running.preview()


def test_an_update_also_refuses_before_it_changes_anything(running: Stack) -> None:
    running.configure(
        DEVELOPMENT | {"serverReplicas": 3, "certificateValidityHours": 100, "certificateRenewalHours": 1}
    )
    before = [resource for resource in running.deployment() if resource["type"].startswith("tls:")]
    result = running.pulumi("up", "--yes", "--skip-preview", check=False)
    assert result.returncode != 0
    assert "Go to 5 first" in result.stdout + result.stderr
    after = [resource for resource in running.deployment() if resource["type"].startswith("tls:")]
    assert [resource["urn"] for resource in after if resource not in before] == []


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ("tls:index/privateKey:PrivateKey::consul-ca", "the CA's private key"),
        ("random:index/randomPassword:RandomPassword::consul-gossip", "the gossip key"),
        ("random:index/randomPassword:RandomPassword::consul-acl", "the seed of the ACL tokens"),
    ],
)
def test_a_new_key_is_refused_in_development_too(running: Stack, resource: str, key: str) -> None:
    running.configure(DEVELOPMENT)
    (urn,) = [found["urn"] for found in running.deployment() if found["urn"].endswith(resource)]
    assert f"would replace {key}" in refusal(running.preview("--replace", urn, check=False))


def test_production_scales_from_five_servers_to_three_without_deleting_a_volume(tmp_path: Path) -> None:
    nodes = {"storageClass": "", "storageNodes": NODES[:5]}
    stack = Stack(tmp_path)
    bring_up(stack, PRODUCTION | nodes | {"serverReplicas": 5})
    stack.configure(PRODUCTION | nodes | {"serverReplicas": 3})
    printed = stack.preview()
    assert "delete" not in printed
    stack.configure(PRODUCTION | nodes | {"serverReplicas": 3, "storageNodes": NODES[:3]})
    assert "storageNodes cannot lose" in refusal(stack.preview(check=False))
