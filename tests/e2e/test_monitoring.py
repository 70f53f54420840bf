"""Prometheus can read the metrics, with the objects for the operator and with the documented configuration."""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from cryptography import x509

from components.monitoring.alerts import alert_rules
from components.monitoring.dashboard import dashboard_model
from components.naming import Naming
from components.settings import Settings
from tests.support.consul import Consul
from tests.support.pods import IDLE, pod, running
from tests.support.settings import E2E_DEVELOPMENT, E2E_NAMESPACE
from tests.support.stack import PROJECT_DIR, Stack
from tools import toolchain

PROMETHEUS = "prometheus"
MONITORING = {"monitoring": "operator", "monitoringNamespace": PROMETHEUS}
AGENTS = {f"{role}-{ordinal}" for role in ("consul", "consul-client") for ordinal in range(3)}

# The CRDs of the Prometheus Operator v0.85.0, without descriptions.
DEFINITIONS = Path(__file__).parent / "prometheus_operator.yaml"

# A sample of Prometheus' text format: a name, labels or none, a value.
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:{.*})? \S+$", re.MULTILINE)


class Target(NamedTuple):
    """An agent that a ServiceMonitor selects, and the endpoint that describes how to scrape it."""

    pod: str
    address: str
    endpoint: dict[str, Any]

    @property
    def files(self) -> str:
        """Return the folder of the CA certificate and the token in the scraper's pod."""
        return f"/files/{self.endpoint['tlsConfig']['serverName']}"

    def command(self, *options: str, name: str = "") -> list[str]:
        """Return a curl command that scrapes the agent and prints the HTTP status on the last line.

        `name` is the name to expect in the agent's certificate; by default that of the ServiceMonitor.
        """
        name = name or self.endpoint["tlsConfig"]["serverName"]
        query = "&".join(f"{key}={value}" for key, values in self.endpoint["params"].items() for value in values)
        url = f"{self.endpoint['scheme']}://{name}:8501{self.endpoint['path']}?{query}"
        status = ("--write-out", "\n%{http_code}")
        return [
            "curl",
            "--silent",
            "--show-error",
            "--connect-to",
            f"{name}:8501:{self.address}:8501",
            *status,
            *options,
            url,
        ]


class Scraper(NamedTuple):
    """A pod in the namespace of Prometheus, and the targets that Prometheus would find."""

    consul: Consul
    targets: list[Target]

    def ask(self, target: Target, *options: str, name: str = "") -> tuple[str, str]:
        """Return the HTTP status and the body of an agent's answer."""
        command = target.command(*options, name=name)
        answer, _, status = self.consul.run("scraper", *command, check=False).rpartition("\n")
        return status, answer

    def scrape(self, target: Target, name: str = "") -> tuple[str, str]:
        """Return the HTTP status and the body that Prometheus would get."""
        return self.ask(target, "--cacert", f"{target.files}/ca", "--header", f"@{target.files}/header", name=name)


class Refusal(NamedTuple):
    """The output of a preview and the result of an update without the operator's CRDs."""

    preview: str
    update: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def refusal(stack: Stack) -> Iterator[Refusal]:
    before = stack.settings
    stack.configure(before | MONITORING)
    yield Refusal(stack.preview(), stack.pulumi("up", "--yes", "--skip-preview", check=False))
    stack.configure(before)
    stack.up()
    Consul(stack.kubeconfig, E2E_NAMESPACE).kubectl("delete", "--ignore-not-found", "--filename", str(DEFINITIONS))


@pytest.fixture(scope="module")
def monitored(stack: Stack, refusal: Refusal) -> Consul:
    """Return the cluster with the operator's CRDs, a ServiceMonitor for each role and a PrometheusRule."""
    consul = Consul(stack.kubeconfig, E2E_NAMESPACE)
    consul.kubectl("apply", "--filename", str(DEFINITIONS))
    consul.kubectl("wait", "--for=condition=Established", "--filename", str(DEFINITIONS))
    stack.up()
    return consul


@pytest.fixture(scope="module")
def scraper(monitored: Consul) -> Iterator[Scraper]:
    outside = Consul(monitored.kubeconfig, PROMETHEUS)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PROMETHEUS}}
    targets = [target for monitor in monitored.objects("servicemonitor") for target in found(monitored, monitor)]
    endpoints = {target.files: target.endpoint for target in targets}
    secrets = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"endpoint-{number}"},
            "stringData": {
                "ca": secret(monitored, endpoint["tlsConfig"]["ca"]["secret"]),
                "header": f"Authorization: Bearer {secret(monitored, endpoint['authorization']['credentials'])}",
            },
        }
        for number, endpoint in enumerate(endpoints.values())
    ]
    volumes = {files: {"secret": {"secretName": f"endpoint-{number}"}} for number, files in enumerate(endpoints)}
    outside.kubectl("apply", "--filename", "-", stdin=json.dumps(namespace))
    with running(outside, *secrets, pod("scraper", IDLE, volumes=volumes)):
        yield Scraper(outside, targets)
    outside.kubectl("delete", "namespace", PROMETHEUS)


def found(consul: Consul, monitor: dict[str, Any]) -> Iterator[Target]:
    """Yield the targets of a ServiceMonitor: the endpoints of the Services that it selects and does not drop."""
    (endpoint,) = monitor["spec"]["endpoints"]
    (keep,) = endpoint["relabelings"]
    labels = monitor["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    for service in consul.objects("service", "--selector", selector):
        name = service["metadata"]["name"]
        if re.fullmatch(keep["regex"], name):
            for part in consul.objects("endpointslice", "--selector", f"kubernetes.io/service-name={name}"):
                for agent in part["endpoints"]:
                    yield Target(agent["targetRef"]["name"], agent["addresses"][0], endpoint)


def secret(consul: Consul, reference: dict[str, str]) -> str:
    (found,) = [item for item in consul.objects("secret") if item["metadata"]["name"] == reference["name"]]
    return base64.b64decode(found["data"][reference["key"]]).decode()


def test_a_preview_succeeds_without_the_operators_crds(refusal: Refusal) -> None:
    assert "ServiceMonitor" in refusal.preview
    assert "PrometheusRule" in refusal.preview


def test_an_update_without_the_operators_crds_names_what_is_missing(refusal: Refusal) -> None:
    assert refusal.update.returncode != 0
    said = refusal.update.stdout + refusal.update.stderr
    assert 'no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"' in said


def test_prometheus_finds_each_agent_once(scraper: Scraper) -> None:
    assert sorted(target.pod for target in scraper.targets) == sorted(AGENTS)


def test_every_agent_answers_with_the_ca_and_the_token(scraper: Scraper) -> None:
    for target in scraper.targets:
        status, answer = scraper.scrape(target)
        assert status == "200", f"{target.pod}: {answer}"
        assert "consul_server_isLeader" in SAMPLE.findall(answer)


def test_no_agent_answers_without_the_token(scraper: Scraper) -> None:
    for target in scraper.targets:
        status, answer = scraper.ask(target, "--cacert", f"{target.files}/ca")
        assert status == "403", f"{target.pod}: {answer}"
        assert not SAMPLE.findall(answer)


def test_only_the_clusters_ca_verifies_an_agents_certificate(scraper: Scraper) -> None:
    for target in scraper.targets:
        answer = "\n".join(scraper.ask(target, "--header", f"@{target.files}/header"))
        assert "SSL certificate problem" in answer, f"{target.pod}: {answer}"
        assert not SAMPLE.findall(answer)


def test_every_metric_of_an_alert_or_a_panel_exists(stack: Stack, scraper: Scraper, monitored: Consul) -> None:
    there = {name for target in scraper.targets for name in SAMPLE.findall(scraper.scrape(target)[1])}
    naming = Naming("consul", E2E_NAMESPACE)
    (rules,) = monitored.objects("prometheusrule")
    settings = Settings.model_validate_json(json.dumps(E2E_DEVELOPMENT))
    ca = x509.load_pem_x509_certificate(stack.outputs()["caCertificate"].encode())
    assert rules["spec"]["groups"] == [alert_rules(naming, settings, ca.not_valid_after_utc.isoformat())]
    queries = [rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"]]
    queries += [target["expr"] for panel in dashboard_model(naming)["panels"] for target in panel["targets"]]
    used = {name for query in queries for name in re.findall(r"\b(?:consul|process)_\w+", query)}
    assert len(used) > 15
    assert used <= there


def test_the_documented_configuration_finds_each_agent_once(stack: Stack, scraper: Scraper, tmp_path: Path) -> None:
    config = documented()
    (job,) = config["scrape_configs"]
    for discovery in job["kubernetes_sd_configs"]:
        discovery["kubeconfig_file"] = str(stack.kubeconfig)
    for file in (job["tls_config"]["ca_file"], job["authorization"]["credentials_file"]):
        (tmp_path / file).touch()
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config | {"rule_files": []}))
    answer = promtool("check", "service-discovery", "--timeout=10s", str(tmp_path / "prometheus.yaml"), "consul")
    kept = [target["labels"] for target in json.loads(answer) if target["labels"]]
    assert sorted(labels["pod"] for labels in kept) == sorted(AGENTS)
    assert {labels["namespace"] for labels in kept} == {E2E_NAMESPACE}
    assert {labels["__address__"] for labels in kept} == {f"{target.address}:8501" for target in scraper.targets}


def test_every_agent_answers_with_the_documented_configuration(scraper: Scraper) -> None:
    (job,) = documented()["scrape_configs"]
    for target in scraper.targets:
        asked = {"scheme": job["scheme"], "path": job["metrics_path"], "params": job["params"]}
        assert asked == {key: target.endpoint[key] for key in asked}
        status, answer = scraper.scrape(target, name=job["tls_config"]["server_name"])
        assert status == "200", f"{target.pod}: {answer}"


def documented() -> dict[str, Any]:
    """Return the configuration in docs/monitoring.md, for the namespace of the tests."""
    (text,) = re.findall("```yaml\n(.*?)```", (PROJECT_DIR / "docs" / "monitoring.md").read_text(), re.DOTALL)
    return yaml.safe_load(text.replace("names: [consul]", f"names: [{E2E_NAMESPACE}]"))


def promtool(*arguments: str) -> str:
    result = subprocess.run(
        [toolchain.binary("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
