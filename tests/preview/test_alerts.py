"""The alerts and the dashboard on recorded metrics of real clusters, tested with Prometheus' promtool.

A file in `recordings` has the metrics of one cluster's agents every 15 s, as far as alerts and panels use them. It also
has `up`, as Prometheus sets it: 1 for an answer, 0 for no answer, and no value for a deleted pod. The comment at the
top of the file describes what happened.
"""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.monitoring.alerts import alert_rules
from components.monitoring.dashboard import dashboard_model
from components.naming import Naming
from components.settings import Settings
from tools import toolchain

RECORDINGS = Path(__file__).parent / "recordings"
SETTINGS: dict[str, Any] = {"environment": "development", "storage_nodes": ("node-1", "node-2", "node-3")}

# The clock of promtool begins at 1970-01-01T00:00:00Z.
CA_EXPIRY = "1980-01-01T00:00:00Z"

NOT_VOTING = {"ConsulServerNotVoting warning", "ConsulQuorumWithoutMargin critical", "ConsulServerDown warning"}

# The recording, the settings that matter, and the alerts that fire, by minutes after the start: "alert severity".
CASES: list[tuple[str, dict[str, Any], dict[int, set[str]]]] = [
    ("healthy", {}, {11: set()}),
    ("rollout", {}, {1: set(), 2: set(), 3: set(), 4: set()}),
    ("no_vote", {"client_replicas": 1}, {3: set(), 14: NOT_VOTING}),
    (
        "near_expiry",
        {"client_replicas": 1},
        {
            4: set(),
            14: {
                "ConsulCertificateExpiring warning",
                "ConsulCertificateExpiring critical",
                "ConsulClientCertificateNotRenewed warning",
                "ConsulMeshCAExpiring warning",
            },
        },
    ),
    (
        "healthy",
        {"ca_expiry": "1970-01-07T00:00:00Z"},
        {4: set(), 11: {"ConsulCAExpiring warning", "ConsulCAExpiring critical"}},
    ),
    (
        "power_cut",
        {},
        {
            1: set(),
            12: NOT_VOTING | {"ConsulClientDown warning"},
            17: NOT_VOTING | {"ConsulClientDown warning", "ConsulNoLeader critical"},
        },
    ),
]


class Recording:
    """A recorded cluster: the input series for promtool, and the alert rules for its namespace and settings."""

    def __init__(self, name: str, ca_expiry: str = CA_EXPIRY, **settings: Any) -> None:
        content = yaml.safe_load((RECORDINGS / f"{name}.yaml").read_text())
        self.interval: str = content["interval"]
        self.series: list[dict[str, str]] = content["input_series"]
        (namespace,) = set(re.findall(r'namespace="([^"]+)"', str(self.series)))
        self.naming = Naming("consul", namespace)
        self.rules = alert_rules(self.naming, Settings.model_validate(SETTINGS | settings), ca_expiry)

    def check(self, folder: Path, **tests: list[dict[str, Any]]) -> None:
        """Run promtool's rule tests on the recorded series."""
        (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [self.rules]}))
        cases = {
            "rule_files": ["rules.yaml"],
            "evaluation_interval": self.interval,
            "tests": [{"interval": self.interval, "input_series": self.series} | tests],
        }
        (folder / "tests.yaml").write_text(yaml.safe_dump(cases))
        promtool("test", "rules", folder / "tests.yaml")


def promtool(*arguments: str | Path) -> None:
    result = subprocess.run(
        [toolchain.binary("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stdout + result.stderr


def expected(labels: Mapping[str, str]) -> dict[str, Any]:
    text = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return {"labels": f"{{{text}}}", "value": 1}


@pytest.mark.parametrize(
    "settings",
    [{}, {"server_replicas": 1, "client_replicas": 0}, {"certificate_renewal_hours": 1}],
    ids=["three servers", "one server, no clients", "late renewal"],
)
def test_prometheus_accepts_the_rules(tmp_path: Path, settings: dict[str, Any]) -> None:
    rules = alert_rules(Naming("consul", "consul"), Settings.model_validate(SETTINGS | settings), CA_EXPIRY)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [rules]}))
    promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yaml")


@pytest.mark.parametrize(
    ("name", "minute", "alerts", "settings"),
    [
        pytest.param(name, minute, alerts, settings, id=f"{name} {' '.join(settings)} {minute} min")
        for name, settings, times in CASES
        for minute, alerts in times.items()
    ],
)
def test_the_expected_alerts_fire(
    tmp_path: Path, name: str, minute: int, alerts: set[str], settings: dict[str, Any]
) -> None:
    firing = [expected(dict(zip(("alertname", "severity"), alert.split(), strict=True))) for alert in sorted(alerts)]
    query = 'group by (alertname, severity) (ALERTS{alertstate="firing"})'
    test = {"expr": query, "eval_time": f"{minute}m", "exp_samples": firing}
    Recording(name, **settings).check(tmp_path, promql_expr_test=[test])


@pytest.mark.parametrize(
    ("name", "settings", "minute", "alert", "labels", "summary"),
    [
        ("power_cut", {}, 12, "ConsulClientDown", {}, "Consul in consul: 2 of 3 clients answer Prometheus"),
        (
            "near_expiry",
            {"client_replicas": 1},
            14,
            "ConsulClientCertificateNotRenewed",
            {"pod": "consul-client-0"},
            "Consul in expiry: the certificate that the servers gave consul-client-0 ends in 58m 59s, and there is no "
            "new one",
        ),
    ],
    ids=["numbers", "names and times"],
)
def test_an_alert_describes_what_it_found(
    tmp_path: Path,
    name: str,
    settings: dict[str, Any],
    minute: int,
    alert: str,
    labels: dict[str, str],
    summary: str,
) -> None:
    recording = Recording(name, **settings)
    (rule,) = [rule for rule in recording.rules["rules"] if rule["alert"] == alert]
    annotations = {
        key: text.replace("{{ $labels.pod }}", labels.get("pod", "")) for key, text in rule["annotations"].items()
    }
    fired = {
        "exp_labels": rule["labels"] | labels | {"namespace": recording.naming.namespace},
        "exp_annotations": annotations | {"summary": summary},
    }
    test = {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": [fired]}
    recording.check(tmp_path, alert_rule_test=[test])


def test_each_alert_fires_on_a_recording() -> None:
    rules = [rule for name, settings, _ in CASES for rule in Recording(name, **settings).rules["rules"]]
    fired = {alert for _, _, times in CASES for alerts in times.values() for alert in alerts}
    assert fired == {f"{rule['alert']} {rule['labels']['severity']}" for rule in rules}


@pytest.mark.parametrize(
    "panel", dashboard_model(Naming("consul", "consul"))["panels"], ids=lambda panel: panel["title"]
)
def test_each_panel_shows_a_value_of_a_healthy_cluster(tmp_path: Path, panel: dict[str, Any]) -> None:
    """Look for a value other than NaN within 10 min: quantiles cover 10 s, in which there may have been no write."""
    recording = Recording("healthy")
    tests: list[dict[str, Any]] = []
    for target in panel["targets"]:
        query = target["expr"].replace("$namespace", recording.naming.namespace)
        some = f"clamp_max(count(max_over_time(({query})[10m:15s]) >= 0), 1)"
        tests.append({"expr": some, "eval_time": "10m", "exp_samples": [expected({})]})
    assert tests
    recording.check(tmp_path, promql_expr_test=tests)
