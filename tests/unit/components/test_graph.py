"""The inputs of the resources that the component declares."""

import json
from typing import Any

import pytest
from pulumi.runtime.rpc import is_rpc_secret, unwrap_rpc_secret
from pydantic import ValidationError

from components.acl.tokens import all_tokens
from components.agents.agent_config import gossip_key
from components.naming import Naming
from tests.support.graph import PASSWORD, Inputs, Recorder, declare, development, production, stash


def pod(recorder: Recorder, stateful_set: str) -> Inputs:
    return recorder.of_kind("StatefulSet")[stateful_set]["spec"]["template"]["spec"]


def test_production_has_no_ingress() -> None:
    assert not declare(production()).of_kind("Ingress")
    assert declare(development(ingress_enabled=True, ingress_host="a.example")).of_kind("Ingress")
    with pytest.raises(ValidationError, match="ingressEnabled"):
        production(ingress_enabled=True, ingress_host="a.example")


def test_the_ingress_uses_a_given_certificate_or_the_clusters_own() -> None:
    shown = {"ingress_enabled": True, "ingress_host": "a.example"}
    own, given = declare(development(**shown)), declare(development(**shown, ingress_tls_secret="mine"))  # noqa: S106
    (tls,) = own.of_kind("Ingress")["consul-ui"]["spec"]["tls"]
    assert tls["hosts"] == ["a.example"]
    assert tls["secretName"].startswith("consul-ui")
    assert own.of_kind("CertRequest")["consul-ui"]["dnsNames"] == ["a.example"]
    (tls,) = given.of_kind("Ingress")["consul-ui"]["spec"]["tls"]
    assert tls["secretName"] == "mine"
    assert "consul-ui" not in given.of_kind("CertRequest")


def test_only_one_server_can_bind_each_volume() -> None:
    volumes = declare(development()).of_kind("PersistentVolume")
    bound = {volume["spec"]["claimRef"]["name"]: node_of(volume) for volume in volumes.values()}
    assert bound == {"data-consul-0": "node-1", "data-consul-1": "node-2", "data-consul-2": "node-3"}


def node_of(volume: Inputs) -> str:
    """Return the only node on which a volume can be used."""
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    (expression,) = term["matchExpressions"]
    (node,) = expression["values"]
    return node


def test_with_a_storage_class_no_volume_is_declared() -> None:
    recorder = declare(production())
    assert not recorder.of_kind("PersistentVolume")
    (claim,) = recorder.of_kind("StatefulSet")["consul"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"


def test_only_servers_get_the_servers_key() -> None:
    recorder = declare(development())

    def tls_files(stateful_set: str) -> list[str]:
        (volume,) = [volume for volume in pod(recorder, stateful_set)["volumes"] if volume["name"] == "tls"]
        return [item["key"] for item in volume["secret"]["items"]]

    assert tls_files("consul") == ["ca.pem", "consul.pem", "consul-key.pem"]
    assert tls_files("consul-client") == ["ca.pem", "client.pem", "client-key.pem"]


def test_the_secret_has_the_walkthroughs_four_keys() -> None:
    recorder = declare(development())
    data = recorder.of_kind("SecretPatch")["consul"]["data"]
    assert is_rpc_secret(data)
    assert set(unwrap_rpc_secret(data)) == {
        "gossip-encryption-key",
        "ca.pem",
        "consul.pem",
        "consul-key.pem",
    }
    assert set(recorder.of_kind("ConfigMap")["consul"]["data"]) == {"server.json", "client.json"}


@pytest.mark.parametrize("stateful_set", ["consul", "consul-client"])
def test_no_secret_is_in_a_pod_spec(stateful_set: str) -> None:
    text = json.dumps(declare(production()).of_kind("StatefulSet")[stateful_set])
    tokens = [token.secret_id(PASSWORD) for token in all_tokens(Naming("consul", "consul"), production()).values()]
    for secret in (PASSWORD, gossip_key(PASSWORD), "PRIVATE KEY", *tokens):
        assert secret not in text


def test_most_of_what_pods_mount_is_immutable_and_named_by_pulumi() -> None:
    recorder = declare(development())
    mounted = recorder.of_kind("Secret")
    for changed_in_place in ("consul", "consul-client", "consul-gossip", "consul-agent-acl"):
        assert mounted.pop(changed_in_place)["metadata"]["name"] == changed_in_place
    mounted |= recorder.of_kind("ConfigMap")
    for read_at_start in ("consul-bootstrap", "consul-addresses", "consul-formed"):
        assert mounted.pop(read_at_start)["metadata"]["name"] == read_at_start
    assert len(mounted) == 3
    for inputs in mounted.values():
        assert inputs["immutable"] is True
        assert "name" not in inputs["metadata"]


def test_clients_restart_in_the_update_after_one_that_removed_a_ca() -> None:
    state = stash("consul", declare(production()).inputs["Stash consul"]["input"]) | stash("consul-healthy", True)
    restarts: list[str | None] = []
    steps = [(1, 2), (2, 1), (2,), (2,), (2, 3), (2,), (2,)]
    for ca_keys in steps:
        recorder = declare(production(ca_keys=ca_keys), state)
        environment = {of["name"]: of.get("value") for of in pod(recorder, "consul-client")["containers"][0]["env"]}
        restarts.append(environment.get("REMOVED_CAS"))
        names = {"consul-ca" if number == 1 else f"consul-ca-{number}" for number in ca_keys}
        assert set(recorder.of_kind("SelfSignedCert")) == names
        assert {name for name in recorder.of_kind("PrivateKey") if "ca" in name} == names
        assert recorder.outputs["caCertificate"] == "CA CERTIFICATE" * len(ca_keys)
        state |= stash("consul-healthy", recorder.inputs["Stash consul-healthy"]["input"])
    assert restarts == [None, None, None, "1", "1", "1", "2"]


@pytest.mark.parametrize(
    ("ca_keys", "confirmed", "first"),
    [((1,), None, "certificates"), ((1,), [1], "certificates"), ((1, 2), [1], "check"), ((2,), [2, 1], "check")],
    ids=["new", "the same CA", "another CA", "one CA less"],
)
def test_the_agents_are_checked_before_another_ca_signs(
    ca_keys: tuple[int, ...], confirmed: list[int] | None, first: str
) -> None:
    state = stash("consul", declare(production()).inputs["Stash consul"]["input"])
    state |= stash("consul-healthy", {"caKeys": confirmed, "gossipKeys": [1], "members": 6})
    registered = list(declare(production(ca_keys=ca_keys), state if confirmed else None).inputs)
    check = registered.index("Job consul-preflight")
    certificates = {registered.index(f"SecretPatch {name}") for name in ("consul", "consul-client")}
    assert {(index > check) for index in certificates} == {first == "check"}


@pytest.mark.parametrize(
    ("change", "order"),
    [
        ({}, ["Job consul-preflight", "SecretPatch consul-agent-acl", "StatefulSet consul", "Job consul-acl"]),
        (
            {"agent_keys": (2, 1)},
            ["Job consul-preflight", "Job consul-acl", "SecretPatch consul-agent-acl", "StatefulSet consul"],
        ),
        (
            {"agent_keys": (1, 2), "allow_degraded": True},
            ["Job consul-preflight", "SecretPatch consul-agent-acl", "StatefulSet consul", "Job consul-acl"],
        ),
    ],
    ids=["the same tokens", "other tokens", "more tokens, and servers that are missing"],
)
def test_tokens_exist_before_agents_use_them(change: dict[str, Any], order: list[str]) -> None:
    state = stash("consul", declare(production()).inputs["Stash consul"]["input"])
    state |= stash("consul-healthy", {"members": 6})
    registered = [name for name in declare(production(**change), state).inputs if name in order]
    assert registered == order


def changed(before: Recorder, after: Recorder) -> set[str]:
    return {name for name in before.inputs | after.inputs if before.inputs.get(name) != after.inputs.get(name)}


def test_adding_servers_restarts_none() -> None:
    before = declare(development())
    after = declare(development(server_replicas=5, storage_nodes=("node-1", "node-2", "node-3", "node-1", "node-2")))
    assert changed(before, after) == {
        "ConfigMap consul-addresses",
        "ConfigMap consul-bootstrap",
        "ConsulCluster consul",
        "Job consul-health",
        "Job consul-preflight",
        "PersistentVolume data-consul-3",
        "PersistentVolume data-consul-4",
        "PersistentVolumeClaim data-consul-3",
        "PersistentVolumeClaim data-consul-4",
        "Service consul-3",
        "Service consul-4",
        "Stash consul",
        "Stash consul-healthy",
        "StatefulSet consul",
    }
    assert pod(before, "consul") == pod(after, "consul")


def test_a_new_service_token_restarts_no_agent() -> None:
    before, after = declare(production()), declare(production(service_tokens=("web",)))
    # The Secret's new name would also change the Job, but these mocks do not generate new names.
    assert changed(before, after) == {"ConsulCluster consul", "Secret consul-acl", "Stash consul"}


def test_keys_are_protected_while_they_are_in_use_before_and_after_an_update() -> None:
    def protected(confirmed: dict[str, list[int]], **keys: tuple[int, ...]) -> set[str]:
        state = stash("consul", declare(production()).of_kind("Stash")["consul"]["input"])
        state |= stash("consul-healthy", {"caKeys": [1], "gossipKeys": [1], **confirmed})
        kinds = ("PrivateKey ", "RandomPassword ")
        return {name.split()[1] for name in declare(production(**keys), state).protected if name.startswith(kinds)}

    first = {"consul-ca", "consul-gossip", "consul-acl"}
    assert protected({}) == first
    assert protected({}, ca_keys=(1, 2), gossip_keys=(1, 2), metrics_keys=(2, 1)) == first
    # The other tokens still use the first seed.
    second = protected({"gossipKeys": [2, 1], "metricsKeys": [2, 1]}, gossip_keys=(2,), metrics_keys=(2,))
    assert second == {"consul-ca", "consul-gossip-2", "consul-acl", "consul-acl-2"}
    keys = dict.fromkeys(("management_keys", "agent_keys", "metrics_keys", "service_keys"), (2, 1))
    assert protected({}, **keys) == {"consul-ca", "consul-gossip"}


def test_the_first_of_several_tokens_of_a_service_is_the_output() -> None:
    settings = production(service_tokens=("web/2", "web", "api"))
    tokens = all_tokens(Naming("consul", "consul"), settings)
    outputs = declare(settings).outputs["serviceTokens"]
    assert outputs == {
        "web": tokens["service-web/2"].secret_id(PASSWORD),
        "api": tokens["service-api"].secret_id(PASSWORD),
    }


def test_removed_servers_keep_their_volumes() -> None:
    nodes = {"storage_class": "", "storage_nodes": ("a", "b", "c", "d", "e")}
    five, three = declare(production(server_replicas=5, **nodes)), declare(production(server_replicas=3, **nodes))
    assert five.of_kind("PersistentVolume") == three.of_kind("PersistentVolume")
    retention = three.of_kind("StatefulSet")["consul"]["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert retention == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_a_cluster_that_was_never_healthy_starts_over_with_new_volumes() -> None:
    def servers_of(cluster: Recorder) -> Inputs:
        return cluster.of_kind("StatefulSet")["consul"]["spec"]

    first = declare(production(storage_class="fasst"))
    over = declare(production(), stash("consul", first.of_kind("Stash")["consul"]["input"]))
    assert [claim["metadata"]["name"] for claim in servers_of(first)["volumeClaimTemplates"]] == ["data"]
    assert [claim["metadata"]["name"] for claim in servers_of(over)["volumeClaimTemplates"]] == ["data-2"]
    # The Jobs run again, and the clients get certificates of the new servers.
    jobs = [first.of_kind("Job")[job] != over.of_kind("Job")[job] for job in ("consul-acl", "consul-health")]
    clients = [cluster.of_kind("StatefulSet")["consul-client"] for cluster in (first, over)]
    assert all(jobs)
    assert clients[0] != clients[1]
    # From the first healthy cluster on, its volumes keep their names.
    record = over.of_kind("Stash")["consul"]["input"]
    healthy = declare(production(), stash("consul", record) | stash("consul-healthy", True))
    assert servers_of(healthy) == servers_of(over)


def test_every_change_of_the_agents_runs_the_health_check_again() -> None:
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


def test_only_changes_of_the_servers_run_the_preflight_check_again() -> None:
    before = declare(development()).of_kind("Job")["consul-preflight"]
    assert declare(development(client_replicas=4)).of_kind("Job")["consul-preflight"] == before
    for change in (
        {"server_replicas": 1},
        {"image": "hashicorp/consul:1.22.5"},
        {"allow_degraded": True},
        {"ca_keys": (1, 2)},
    ):
        assert declare(development(**change)).of_kind("Job")["consul-preflight"] != before


def test_a_server_advertises_the_address_of_its_service() -> None:
    recorder = declare(development())
    for server in ("consul-0", "consul-1", "consul-2"):
        spec = recorder.of_kind("Service")[server]["spec"]
        assert spec["selector"]["statefulset.kubernetes.io/pod-name"] == server
        assert spec["publishNotReadyAddresses"] is True
        file = recorder.of_kind("ConfigMap")["consul-addresses"]["data"][f"{server}.json"]
        assert json.loads(file) == {"advertise_addr": "10.0.0.10"}


def test_outputs_are_the_documented_ones() -> None:
    outputs = declare(development()).outputs
    assert outputs["gossipKey"] == gossip_key(PASSWORD)
    assert outputs["uiUrl"] is None
    assert outputs["dnsAddress"] == "10.0.0.10:53"
    assert outputs["serverHosts"] == [f"consul-{ordinal}.consul.consul.svc" for ordinal in range(3)]
    assert outputs["clientHosts"] == [f"consul-client-{ordinal}.consul-client.consul.svc" for ordinal in range(3)]
    tokens = all_tokens(Naming("consul", "consul"), development())
    assert outputs["managementToken"] == tokens["management"].secret_id(PASSWORD)


def test_without_acls_there_is_no_token() -> None:
    recorder = declare(development(acl_enabled=False))
    assert recorder.outputs["managementToken"] is None
    assert recorder.outputs["serviceTokens"] == {}
    spec = pod(recorder, "consul")
    # The scripts handle both cases.
    del spec["containers"][0]["lifecycle"], spec["containers"][0]["startupProbe"]
    assert "token" not in json.dumps(spec).lower().replace("automountserviceaccounttoken", "")
    assert set(recorder.of_kind("Job")) == {"consul-health", "consul-preflight"}


def test_pods_are_scheduled_as_the_settings_say() -> None:
    settings = production(
        priority_class="high",
        node_selector={"pool": "consul"},
        tolerations=({"key": "dedicated", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 5},),
    )
    for stateful_set in ("consul", "consul-client"):
        spec = pod(declare(settings), stateful_set)
        assert spec["priorityClassName"] == "high"
        assert spec["nodeSelector"] == {"pool": "consul"}
        (toleration,) = spec["tolerations"]
        assert toleration == {
            "key": "dedicated",
            "operator": "Exists",
            "effect": "NoSchedule",
            "tolerationSeconds": 5,
        }
