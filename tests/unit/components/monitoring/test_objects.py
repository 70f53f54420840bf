"""The objects for Prometheus and Grafana, for each value of `monitoring`."""

import json
import re
from typing import Any

import pytest
import yaml
from pulumi.runtime.rpc import unwrap_rpc_secret

from components.acl.tokens import all_tokens
from components.monitoring.alerts import alert_rules
from components.monitoring.dashboard import dashboard_model
from components.monitoring.objects import RULES_FILE
from components.naming import Naming
from tests.support.graph import CA_EXPIRY, PASSWORD, Inputs, Recorder, declare, development, production

NAMING = Naming("consul", "consul")
OPERATOR = {"monitoring": "operator", "monitoring_namespace": "monitoring"}
ANNOTATIONS = {"monitoring": "annotations", "monitoring_namespace": "monitoring"}
OPERATOR_KINDS = ("ServiceMonitor", "PrometheusRule")


def alerts(**settings: Any) -> list[dict[str, Any]]:
    return alert_rules(NAMING, development(**settings), CA_EXPIRY)["rules"]


def expressions(name: str, **settings: Any) -> list[str]:
    """Return the expressions of an alert, one for each severity."""
    return [rule["expr"] for rule in alerts(**settings) if rule["alert"] == name]


def monitored(recorder: Recorder, monitor: Inputs) -> set[str]:
    """Return the Services that a ServiceMonitor selects: those with its labels that its relabeling keeps."""
    (endpoint,) = monitor["spec"]["endpoints"]
    (keep,) = endpoint["relabelings"]
    labels = monitor["spec"]["selector"]["matchLabels"].items()
    return {
        name
        for name, service in recorder.of_kind("Service").items()
        if labels <= service["metadata"]["labels"].items()
        and re.fullmatch(keep["regex"], service["metadata"]["name"])
        and endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    }


def test_nothing_is_declared_without_monitoring() -> None:
    recorder = declare(development())
    assert not any(recorder.of_kind(kind) for kind in OPERATOR_KINDS)
    assert not {"consul-dashboard", "consul-alerts"} & set(recorder.of_kind("ConfigMap"))


def test_a_service_monitor_selects_each_agent_once() -> None:
    recorder = declare(production(**OPERATOR))
    monitors = recorder.of_kind("ServiceMonitor")
    assert {name: monitored(recorder, monitor) for name, monitor in monitors.items()} == {
        "consul": {"consul"},
        "consul-client": {"consul-client"},
    }


def test_a_scrape_verifies_the_agent_and_sends_the_metrics_token() -> None:
    settings = production(**OPERATOR)
    names = {"consul": NAMING.server_names(settings), "consul-client": NAMING.client_names()}
    for name, monitor in declare(settings).of_kind("ServiceMonitor").items():
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["scheme"] == "https"
        assert endpoint["tlsConfig"]["ca"] == {"secret": {"name": "consul-metrics-00000000", "key": "ca.pem"}}
        assert endpoint["tlsConfig"]["serverName"] in names[name]
        assert endpoint["authorization"] == {"credentials": {"name": "consul-metrics-00000000", "key": "metrics-token"}}


def test_the_operator_reads_only_the_metrics_secret() -> None:
    data = declare(production(**OPERATOR)).of_kind("Secret")["consul-metrics"]["stringData"]
    assert set(unwrap_rpc_secret(data)) == {"ca.pem", "metrics-token"}


def test_without_acls_a_scrape_sends_no_token() -> None:
    recorder = declare(development(acl_enabled=False, **OPERATOR))
    for monitor in recorder.of_kind("ServiceMonitor").values():
        (endpoint,) = monitor["spec"]["endpoints"]
        assert "authorization" not in endpoint


@pytest.mark.parametrize("monitoring", [OPERATOR, ANNOTATIONS], ids=lambda settings: settings["monitoring"])
def test_no_declared_object_contains_a_token(monitoring: dict[str, str]) -> None:
    recorder = declare(production(**monitoring))
    declared = [*(recorder.of_kind(kind) for kind in OPERATOR_KINDS), recorder.of_kind("ConfigMap")]
    for token in all_tokens(NAMING, production()).values():
        assert token.secret_id(PASSWORD) not in json.dumps(declared)


def test_both_kinds_of_prometheus_get_the_same_rules() -> None:
    (rule,) = declare(development(**OPERATOR)).of_kind("PrometheusRule").values()
    recorder = declare(development(**ANNOTATIONS))
    assert rule["spec"] == yaml.safe_load(recorder.of_kind("ConfigMap")["consul-alerts"]["data"][RULES_FILE])
    assert rule["spec"]["groups"] == [alert_rules(NAMING, development(), CA_EXPIRY)]
    assert not any(recorder.of_kind(kind) for kind in OPERATOR_KINDS)


@pytest.mark.parametrize("monitoring", [OPERATOR, ANNOTATIONS], ids=lambda settings: settings["monitoring"])
def test_grafana_finds_the_dashboard(monitoring: dict[str, str]) -> None:
    config_map = declare(development(**monitoring)).of_kind("ConfigMap")["consul-dashboard"]
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(config_map["data"]["consul-consul-dashboard.json"]) == dashboard_model(NAMING)


def test_each_cluster_has_its_own_dashboard() -> None:
    one, other = (dashboard_model(Naming("consul", namespace)) for namespace in ("consul", "staging"))
    assert one["uid"] != other["uid"]
    assert one["panels"] == other["panels"]
    assert len(dashboard_model(Naming("consul", "n" * 63))["uid"]) <= 40


def test_long_namespaces_have_different_dashboards() -> None:
    one, other = (dashboard_model(Naming("consul", "n" * 62 + end)) for end in "ab")
    assert one["uid"] != other["uid"]


def test_an_alert_has_a_summary_an_action_and_a_page() -> None:
    for rule in alerts():
        assert rule["labels"].keys() == {"severity", "namespace"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].startswith("Consul in consul: ")
        assert rule["annotations"]["description"]
        assert rule["annotations"]["runbook_url"].startswith("https://developer.hashicorp.com/consul/")


def test_alerts_use_labels_that_every_prometheus_sets() -> None:
    for rule in alerts():
        for matchers in re.findall(r"{(.*?)}", rule["expr"]):
            assert re.fullmatch(r'namespace="consul", pod=~"consul(-client)?-\[0-9\]\+"', matchers)


@pytest.mark.parametrize(("servers", "tolerated"), [(3, 1), (5, 2), (7, 3)])
def test_fewer_voters_than_servers_tolerate_fewer_losses(servers: int, tolerated: int) -> None:
    nodes = tuple(f"node-{number}" for number in range(servers))
    (expression,) = expressions("ConsulServerNotVoting", server_replicas=servers, storage_nodes=nodes)
    assert expression.endswith(f" < {tolerated}")


def test_a_single_server_has_no_quorum_alerts() -> None:
    names = {rule["alert"] for rule in alerts(server_replicas=1)}
    assert not {"ConsulServerNotVoting", "ConsulQuorumWithoutMargin"} & names
    assert {"ConsulNoLeader", "ConsulServerDown"} <= names


def test_without_clients_there_is_no_client_alert() -> None:
    assert not [rule["alert"] for rule in alerts(client_replicas=0) if "Client" in rule["alert"]]


def test_the_ca_alert_contains_the_time_when_the_certificate_expires() -> None:
    # Certificates have whole seconds.
    assert expressions("ConsulCAExpiring")[0] == "vector(2082758400) - time() < 2592000"


@pytest.mark.parametrize(("hours", "warning", "critical"), [(720, 2592000, 648000), (1, 3600, 900)])
def test_the_expiry_alert_matches_the_renewal_window(hours: int, warning: int, critical: int) -> None:
    for alert in ("ConsulCertificateExpiring", "ConsulCAExpiring"):
        found = expressions(alert, certificate_renewal_hours=hours)
        assert [expression.partition(" < ")[2] for expression in found] == [str(warning), str(critical)]
