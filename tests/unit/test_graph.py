"""The graph that the component declares, by the inputs its resources get."""

import json
from typing import Any

import pytest
from pulumi.runtime.rpc import is_rpc_secret, unwrap_rpc_secret
from pydantic import ValidationError
from syrupy.assertion import SnapshotAssertion

from components.agent_config import gossip_key
from tests.unit.conftest import PASSWORD, Declare, Inputs, Recorder, development, production


def pod(recorder: Recorder, stateful_set: str) -> Inputs:
    return recorder.of_kind("StatefulSet")[stateful_set]["spec"]["template"]["spec"]


def test_golden_development(declare: Declare, snapshot: SnapshotAssertion) -> None:
    settings = development(ingress_enabled=True, ingress_host="consul.localhost")
    assert declare(settings).inputs == snapshot


def test_golden_production(declare: Declare, snapshot: SnapshotAssertion) -> None:
    assert declare(production()).inputs == snapshot


def test_production_has_no_ingress(declare: Declare) -> None:
    assert not declare(production()).of_kind("Ingress")
    assert declare(development(ingress_enabled=True, ingress_host="a.example")).of_kind("Ingress")
    with pytest.raises(ValidationError, match="ingressEnabled"):
        production(ingress_enabled=True, ingress_host="a.example")


def test_each_server_has_a_volume_that_nobody_else_can_bind(declare: Declare) -> None:
    volumes = declare(development()).of_kind("PersistentVolume")
    bound = {volume["spec"]["claimRef"]["name"]: node_of(volume) for volume in volumes.values()}
    assert bound == {"data-consul-0": "node-1", "data-consul-1": "node-2", "data-consul-2": "node-3"}


def node_of(volume: Inputs) -> str:
    """The one node where a volume can be used."""
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    (expression,) = term["matchExpressions"]
    (node,) = expression["values"]
    return node


def test_a_storage_class_makes_the_volumes_itself(declare: Declare) -> None:
    recorder = declare(production())
    assert not recorder.of_kind("PersistentVolume")
    (claim,) = recorder.of_kind("StatefulSet")["consul"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"


def test_only_servers_get_the_servers_key(declare: Declare) -> None:
    recorder = declare(development())

    def tls_files(stateful_set: str) -> list[str]:
        (volume,) = [volume for volume in pod(recorder, stateful_set)["volumes"] if volume["name"] == "tls"]
        return [item["key"] for item in volume["secret"]["items"]]

    assert tls_files("consul") == ["ca.pem", "consul.pem", "consul-key.pem"]
    assert tls_files("consul-client") == ["ca.pem"]


def test_the_secret_has_the_walkthroughs_four_keys(declare: Declare) -> None:
    recorder = declare(development())
    data = recorder.of_kind("Secret")["consul"]["stringData"]
    assert is_rpc_secret(data)
    assert set(unwrap_rpc_secret(data)) == {
        "gossip-encryption-key",
        "ca.pem",
        "consul.pem",
        "consul-key.pem",
    }
    assert set(recorder.of_kind("ConfigMap")["consul"]["data"]) == {"server.json", "client.json"}


@pytest.mark.parametrize("stateful_set", ["consul", "consul-client"])
def test_the_gossip_key_is_in_no_pod_spec(declare: Declare, stateful_set: str) -> None:
    text = json.dumps(declare(development()).of_kind("StatefulSet")[stateful_set])
    for secret in (PASSWORD, gossip_key(PASSWORD), "PRIVATE KEY"):
        assert secret not in text


def test_what_pods_mount_is_immutable_and_named_by_pulumi(declare: Declare) -> None:
    recorder = declare(development())
    mounted = [*recorder.of_kind("Secret").values(), recorder.of_kind("ConfigMap")["consul"]]
    assert len(mounted) == 3
    for inputs in mounted:
        assert inputs["immutable"] is True
        assert "name" not in inputs["metadata"]


def changed(before: Recorder, after: Recorder) -> set[str]:
    return {name for name in before.inputs | after.inputs if before.inputs.get(name) != after.inputs.get(name)}


def test_more_servers_leave_the_running_ones_alone(declare: Declare) -> None:
    before = declare(development())
    after = declare(development(server_replicas=5, storage_nodes=("node-1", "node-2", "node-3", "node-1", "node-2")))
    assert changed(before, after) == {
        "ConfigMap consul-bootstrap",
        "Job consul-health",
        "PersistentVolume data-consul-3",
        "PersistentVolume data-consul-4",
        "StatefulSet consul",
    }
    assert pod(before, "consul") == pod(after, "consul")


def test_the_health_check_is_a_new_one_for_every_change_of_the_agents(declare: Declare) -> None:
    def revision(**settings: Any) -> str:
        job = declare(development(**settings)).of_kind("Job")["consul-health"]
        (container,) = job["spec"]["template"]["spec"]["containers"]
        return next(variable["value"] for variable in container["env"] if variable["name"] == "REVISION")

    changes: list[dict[str, Any]] = [
        {},
        {"image": "hashicorp/consul:1.22.5"},
        {"client_replicas": 4},
        {"server_resources": {"requests": {"cpu": "1"}}},
    ]
    assert revision() == revision()
    assert len({revision(**change) for change in changes}) == len(changes)


def test_outputs_are_the_documented_ones(declare: Declare) -> None:
    outputs = declare(development()).outputs
    assert outputs["gossipKey"] == gossip_key(PASSWORD)
    assert outputs["uiUrl"] is None
    assert outputs["dnsAddress"] == "10.0.0.10:53"
    assert outputs["serverHosts"] == [f"consul-{ordinal}.consul.consul.svc" for ordinal in range(3)]
