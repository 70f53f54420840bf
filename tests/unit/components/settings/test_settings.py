"""Valid settings, and the errors for invalid ones."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings import PROJECT, Problem, Settings, SettingsError, quantity

DEVELOPMENT = {"environment": "development", "storageNodes": '["a", "b", "c"]'}
PRODUCTION = {"environment": "production", "storageClass": "fast"}


def test_development_needs_only_a_place_for_its_data() -> None:
    settings = Settings.parse(DEVELOPMENT)
    assert (settings.server_replicas, settings.client_replicas) == (3, 3)
    assert not settings.production


@pytest.mark.parametrize(
    ("stack", "key", "value"),
    [
        pytest.param(DEVELOPMENT, "serverReplicas", "4", id="an even number of servers"),
        pytest.param(DEVELOPMENT, "serverReplicas", "0", id="no server"),
        pytest.param(DEVELOPMENT, "serverReplicas", "-3", id="a negative number of servers"),
        pytest.param(PRODUCTION, "serverReplicas", "1", id="one server in production"),
        pytest.param(DEVELOPMENT, "serverReplicas", '"three"', id="a string for a number"),
        pytest.param(DEVELOPMENT, "serverReplicas", "3.5", id="a fraction for a number"),
        pytest.param(DEVELOPMENT, "clientReplicas", "-1", id="a negative number of clients"),
        pytest.param(DEVELOPMENT, "clientMaxUnavailable", '"0"', id="no client at a time"),
        pytest.param(DEVELOPMENT, "clientMaxUnavailable", '"0%"', id="no share of the clients"),
        pytest.param(DEVELOPMENT, "clientMaxUnavailable", '"101%"', id="more than all clients"),
        pytest.param(DEVELOPMENT, "clientMaxUnavailable", '"1.5"', id="a client and a half"),
        pytest.param(DEVELOPMENT, "clientMinReadySeconds", "-1", id="negative seconds"),
        pytest.param(PRODUCTION, "ingressEnabled", "true", id="an Ingress in production"),
        pytest.param(DEVELOPMENT, "ingressEnabled", '"yes"', id="a string for a boolean"),
        pytest.param(DEVELOPMENT, "ingressPort", "0", id="port 0"),
        pytest.param(DEVELOPMENT, "ingressPort", "65536", id="a port beyond the last"),
        pytest.param(PRODUCTION, "aclEnabled", "false", id="no ACLs in production"),
        pytest.param(DEVELOPMENT, "serviceTokens", '["web", "web"]', id="a service twice"),
        pytest.param(DEVELOPMENT, "serviceTokens", '["web", "web/2", "web/2"]', id="a service's token twice"),
        pytest.param(DEVELOPMENT, "serviceTokens", '["consul"]', id="the servers' own service"),
        pytest.param(DEVELOPMENT, "serviceTokens", '["consul/2"]', id="another token of the servers' own service"),
        pytest.param(DEVELOPMENT, "serviceTokens", '["Web"]', id="a service in capitals"),
        pytest.param(
            DEVELOPMENT | {"aclEnabled": "false"}, "serviceTokens", '["web"]', id="a service's token without ACLs"
        ),
        pytest.param(DEVELOPMENT, "namespace", '"Consul"', id="a namespace in capitals"),
        pytest.param(DEVELOPMENT, "namespace", '"kube-system"', id="a namespace of Kubernetes' own"),
        pytest.param(DEVELOPMENT, "namespace", json.dumps("n" * 64), id="a namespace too long"),
        pytest.param(DEVELOPMENT, "datacenter", '"dc 1"', id="a datacenter with a space"),
        pytest.param(DEVELOPMENT, "domain", '"cluster.local"', id="the domain of Kubernetes' DNS"),
        pytest.param(DEVELOPMENT, "storageSize", '"ten"', id="a size that is no quantity"),
        pytest.param(DEVELOPMENT, "storageSize", '"0"', id="a size of nothing"),
        pytest.param(DEVELOPMENT, "serverResources", '{"requests": {"cpu": "2x"}}', id="a CPU that is no quantity"),
        pytest.param(
            DEVELOPMENT,
            "clientResources",
            '{"requests": {"memory": "1Gi"}, "limits": {"memory": "512Mi"}}',
            id="a request above its limit",
        ),
        pytest.param(DEVELOPMENT, "serverResources", '{"cpu": "1"}', id="an unknown key inside"),
        pytest.param(DEVELOPMENT, "caValidityHours", "-1", id="negative hours"),
        pytest.param(DEVELOPMENT, "certificateValidityHours", "90000", id="a certificate that outlives its CA"),
        pytest.param(DEVELOPMENT, "certificateRenewalHours", "8760", id="a renewal at every run"),
        pytest.param(DEVELOPMENT, "certificateRenewalHours", "0", id="no renewal"),
        pytest.param(DEVELOPMENT, "storageNodes", '["a", "b"]', id="fewer nodes than servers"),
        pytest.param(DEVELOPMENT, "storageNodes", '"a"', id="a string for a list"),
        pytest.param(DEVELOPMENT, "storageClass", '"fast"', id="a class and nodes"),
        pytest.param(DEVELOPMENT, "storagePath", '"disks"', id="a relative path"),
        pytest.param(DEVELOPMENT, "image", '"hashicorp/consul"', id="an image without a tag"),
        pytest.param(DEVELOPMENT, "image", '"registry.example:5000/consul"', id="a port is no tag"),
        pytest.param(DEVELOPMENT, "image", '"hashicorp/consul:latest"', id="a tag that moves"),
        pytest.param(DEVELOPMENT, "raftMultiplier", "11", id="a multiplier Consul refuses"),
        pytest.param(DEVELOPMENT, "logLevel", '"loud"', id="an unknown level"),
        pytest.param(DEVELOPMENT, "environment", '"staging"', id="an unknown environment"),
        pytest.param(DEVELOPMENT, "replicas", "3", id="an unknown key"),
    ],
)
def test_an_invalid_setting_is_one_error_with_key_value_and_allowed(
    stack: dict[str, str], key: str, value: str
) -> None:
    given = json.loads(value)
    text = given if isinstance(given, str) else value
    with pytest.raises(SettingsError) as raised:
        Settings.parse(stack | {key: text})
    (problem,) = raised.value.problems
    assert str(problem).startswith(f"{PROJECT}:{key} = ")
    assert text.strip('"') in str(problem) or json.loads(text) == problem.value
    assert problem.allowed
    assert "pydantic" not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("ingressEnabled", "true", "ingressHost"),
        ("monitoring", "annotations", "monitoringNamespace"),
        ("monitoring", "operator", "monitoringNamespace"),
    ],
)
def test_a_setting_that_requires_another_one_names_it(key: str, value: str, wanted: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.parse(DEVELOPMENT | {key: value})
    assert [problem.key for problem in raised.value.problems] == [wanted]


def test_only_development_can_disable_acls() -> None:
    """Without this, the refusal in production would show nothing."""
    assert not Settings.parse(DEVELOPMENT | {"aclEnabled": "false"}).acl_enabled


def test_only_development_can_put_two_servers_on_one_disk() -> None:
    nodes = {"storageNodes": '["a", "b", "a"]'}
    assert Settings.parse(DEVELOPMENT | nodes).storage_nodes == ("a", "b", "a")
    with pytest.raises(SettingsError, match="storageNodes"):
        Settings.parse({"environment": "production"} | nodes)


def test_all_invalid_keys_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.parse(DEVELOPMENT | {"serverReplicas": "x", "image": "consul", "colour": "red"})
    assert {problem.key for problem in raised.value.problems} == {"serverReplicas", "image", "colour"}


@given(st.integers())
def test_server_counts_are_odd_and_small(count: int) -> None:
    config = {"environment": "development", "storageClass": "fast", "serverReplicas": str(count)}
    try:
        accepted = Settings.parse(config).server_replicas
    except SettingsError:
        assert count not in (1, 3, 5, 7)
    else:
        assert accepted == count
        assert count in (1, 3, 5, 7)


KEYS = sorted(field.alias or "" for field in Settings.model_fields.values())


@given(st.dictionaries(st.sampled_from(KEYS), st.text()))
def test_any_configuration_is_valid_or_an_error_that_names_keys(config: dict[str, str]) -> None:
    problems: list[Problem] = []
    try:
        Settings.parse(config)
    except SettingsError as error:
        problems = error.problems
    assert {problem.key for problem in problems} <= set(KEYS)
    assert problems or config["environment"] == "development"


@given(st.integers(1, 10**9), st.sampled_from(["", "m", "k", "M", "Gi", "Ki", "e3"]))
def test_quantities_are_numbers(number: int, suffix: str) -> None:
    factors = {"": 1, "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "Gi": 2**30, "Ki": 2**10, "e3": 1000}
    assert quantity(f"{number}{suffix}") == number * factors[suffix]


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1gi", "0x10", "1e", "--1", "1KiB"])
def test_invalid_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        quantity(text)


def test_a_quantity_can_be_a_number() -> None:
    settings = Settings.parse(DEVELOPMENT | {"serverResources": '{"limits": {"cpu": 1, "memory": "1Gi"}}'})
    assert settings.server_resources.limits.cpu == "1"


@pytest.mark.parametrize("value", ["1", "12", "1%", "25%", "100%"])
def test_several_clients_at_a_time_are_a_number_or_a_share(value: str) -> None:
    assert Settings.parse(DEVELOPMENT | {"clientMaxUnavailable": value}).client_max_unavailable == value


def test_every_setting_is_documented() -> None:
    entries = Settings.entries()
    assert [entry.name for entry in entries] == list(Settings.model_fields)
    for entry in entries:
        assert entry.setting.purpose
        assert not entry.setting.purpose.endswith(".")
        assert entry.setting.allowed
        assert entry.setting.change.effect
