"""Metrics: the alerts and the dashboard for Prometheus and Grafana, and the objects by which these find them.

The rules go by what Consul 1.22 really answers, and by the labels that the Prometheus Operator and the usual
relabelling of pods both give: `namespace` and `pod`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

from components.acl.objects import Acl
from components.agents.agent_config import CA_CERTIFICATE, METRICS_PATH
from components.identity import CLIENT, SERVER
from components.kubernetes.immutable import create_secret
from components.naming import Naming
from components.quorum import tolerated_losses
from components.settings import Settings

# https://prometheus-operator.dev/docs/api-reference/api/
_OPERATOR_API = "monitoring.coreos.com/v1"

# The key of the Secret that has the CA's certificate beside it.
_TOKEN = "metrics-token"  # noqa: S105 - a file's name

# The keys of the ConfigMaps. Grafana's sidecar writes the files of all namespaces into one folder, and finds them by
# this label, as the charts of Grafana and of kube-prometheus-stack set it.
RULES_FILE = "alerts.yaml"
_DASHBOARD_LABELS = {"grafana_dashboard": "1"}

_DASHBOARD = Path(__file__).with_name("dashboard.json")

_HOUR_SECONDS = 3600

# Servers give clients certificates for 72 h, and a client asks for the next after 65 h at the latest (Consul's
# agent/leafcert/generate.go); a metric of a certificate is brought up to date once an hour.
_CLIENT_CERTIFICATE_HOURS = 6

# The CA that signs those is Consul's own, for 10 years, and renewed by hand; Consul's log warns as early (28 days).
_MESH_CA_HOURS = 28 * 24

_DOCS = "https://developer.hashicorp.com/consul"


def create_monitoring(
    naming: Naming,
    settings: Settings,
    namespace: pulumi.Input[str],
    ca_certificate: pulumi.Output[str],
    acl: Acl | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """The dashboard; for the Prometheus Operator its own kinds, whose definitions must be in the Kubernetes cluster
    already; for a Prometheus without it the alerts as a file in a ConfigMap."""
    rules = {"groups": [alert_rules(naming, settings)]}
    dashboard = json.dumps(dashboard_model(naming), sort_keys=True)
    name = f"{naming.name}-dashboard"
    _config_map(name, naming, namespace, {f"{naming.namespace}-{name}.json": dashboard}, _DASHBOARD_LABELS, opts)
    if settings.monitoring == "annotations":
        text = yaml.safe_dump(rules, allow_unicode=True, sort_keys=False, width=1000)
        _config_map(f"{naming.name}-alerts", naming, namespace, {RULES_FILE: text}, {}, opts)
        return
    _custom_resource("PrometheusRule", naming.name, naming.labels(), namespace, rules, opts)
    # The operator reads what these objects refer to, so that there is nothing else in it.
    data = {CA_CERTIFICATE: ca_certificate} | ({_TOKEN: acl.secret_ids()["metrics"]} if acl else {})
    secret = create_secret(f"{naming.name}-metrics", naming, namespace, data, opts).metadata.name
    for service, component in ((naming.name, SERVER), (naming.clients, CLIENT)):
        spec = service_monitor(naming, service, component, secret, with_token=acl is not None)
        _custom_resource("ServiceMonitor", service, naming.labels(component), namespace, spec, opts)


def service_monitor(
    naming: Naming, service: str, component: str, secret: pulumi.Input[str], *, with_token: bool
) -> dict[str, Any]:
    """A ServiceMonitor's specification for the agents of a headless Service; the Secret has the CA and the token.

    https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitorSpec
    """
    endpoint: dict[str, Any] = {
        "port": "https",
        "scheme": "https",
        "path": METRICS_PATH,
        "params": {"format": ["prometheus"]},
        "tlsConfig": {"ca": {"secret": {"name": secret, "key": CA_CERTIFICATE}}, "serverName": naming.host(service)},
        # Other Services, the UI's, have the same labels and would give each server twice.
        "relabelings": [{"sourceLabels": ["__meta_kubernetes_service_name"], "regex": service, "action": "keep"}],
    }
    if with_token:
        endpoint["authorization"] = {"credentials": {"name": secret, "key": _TOKEN}}
    return {"selector": {"matchLabels": naming.labels(component)}, "endpoints": [endpoint]}


def dashboard_model(naming: Naming) -> dict[str, Any]:
    """Grafana's model of the dashboard, with this cluster's namespace for a start.

    https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
    """
    model = json.loads(_DASHBOARD.read_text())
    (namespace,) = (variable for variable in model["templating"]["list"] if variable["name"] == "namespace")
    namespace["current"] = {"text": naming.namespace, "value": naming.namespace}
    # At most 40 characters, and a namespace may have 63.
    uid = hashlib.sha256(f"{naming.namespace}/{naming.name}".encode()).hexdigest()[:32]
    return model | {"uid": uid, "title": f"Consul in {naming.namespace}"}


def alert_rules(naming: Naming, settings: Settings) -> dict[str, Any]:
    """The group of alerting rules for a cluster.

    https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
    """
    alerts = [*_quorum_alerts(naming, settings), *_down_alerts(naming, settings), *_expiry_alerts(naming, settings)]
    return {"name": f"{naming.name}-{naming.namespace}", "rules": alerts}


def _quorum_alerts(naming: Naming, settings: Settings) -> Iterator[dict[str, Any]]:
    servers, pods = settings.server_replicas, _selector(naming, naming.name)
    state = f"`kubectl -n {naming.namespace} exec {naming.name}-0 -- consul operator autopilot state`"
    yield _alert(
        naming,
        "ConsulNoLeader",
        # A server that starts where there is no leader cannot tell tokens, so it answers no scrape.
        f"(sum(consul_server_isLeader{{{pods}}}) or vector(0)) == 0",
        minutes=2,
        severity="critical",
        summary="no server says that it leads, so that nothing can be written",
        action=f"Bring back servers until a majority of the {servers} runs: look at `kubectl -n {naming.namespace} get "
        "pods -o wide`, their nodes and volumes. If a majority is lost for good, recover with peers.json.",
        page="docs/manage/disaster-recovery",
    )
    if servers == 1:
        return
    # No metric lists the voters: only the leader reports consul_raft_peers, and it disappears 5 minutes after a change.
    # Compare autopilot's failure tolerance with that of the declared servers instead; a missing voter makes it smaller.
    # Use every server's metric: with the leader's alone, an election would restart the alert's `for` period.
    tolerance = f"min(consul_autopilot_failure_tolerance{{{pods}}})"
    yield _alert(
        naming,
        "ConsulServerNotVoting",
        f"{tolerance} < {tolerated_losses(servers)}",
        minutes=10,
        severity="warning",
        summary=f"fewer than {servers} healthy servers vote; {{{{ $value }}}} more may be lost",
        action=f"See who votes and who is healthy: {state}. Then look at that server's log and its node.",
        page="commands/operator/autopilot",
    )
    yield _alert(
        naming,
        "ConsulQuorumWithoutMargin",
        f"{tolerance} == 0",
        minutes=5,
        severity="critical",
        summary="the loss of one more server ends all writes",
        action=f"Drain no node and roll nothing out before the missing server votes again: {state}.",
        page="commands/operator/autopilot",
    )


def _down_alerts(naming: Naming, settings: Settings) -> Iterator[dict[str, Any]]:
    roles = (("Server", naming.name, settings.server_replicas), ("Client", naming.clients, settings.client_replicas))
    for role, pods, declared in roles:
        if declared:
            yield _alert(
                naming,
                f"Consul{role}Down",
                # A pod that is gone has no series, and one that several jobs scrape has several.
                f"(count(count by (pod) (up{{{_selector(naming, pods)}}} == 1)) or vector(0)) < {declared}",
                minutes=10,
                severity="warning",
                summary=f"{{{{ $value }}}} of {declared} {role.lower()}s answer Prometheus",
                action=f"Look at `kubectl -n {naming.namespace} get pods -o wide` and at the log of the one that is "
                "missing; if all run, at Prometheus' targets: the CA, the token, monitoringNamespace.",
                page="commands/members",
            )


def _expiry_alerts(naming: Naming, settings: Settings) -> Iterator[dict[str, Any]]:
    servers, clients = _selector(naming, naming.name), _selector(naming, naming.clients)
    renewal = max(settings.certificate_renewal_hours, 1) * _HOUR_SECONDS
    ends = "ends in {{ $value | humanizeDuration }}"
    for severity, seconds in (("warning", renewal), ("critical", renewal // 4)):
        yield _alert(
            naming,
            "ConsulCertificateExpiring",
            f"consul_agent_tls_cert_expiry{{{servers}}} < {seconds}",
            minutes=5,
            severity=severity,
            summary=f"the certificate of {{{{ $labels.pod }}}} {ends}",
            action="Run `pulumi up`, which renews the certificates, the clients' too, and rolls the agents.",
            page="docs/reference/agent/configuration-file/tls",
        )
    if settings.client_replicas:
        yield _alert(
            naming,
            "ConsulClientCertificateNotRenewed",
            f"consul_agent_tls_cert_expiry{{{clients}}} < {_CLIENT_CERTIFICATE_HOURS * _HOUR_SECONDS}",
            minutes=5,
            severity="warning",
            summary=f"the certificate that the servers gave {{{{ $labels.pod }}}} {ends}, and there is no new one",
            action=f"Look at `kubectl -n {naming.namespace} logs {{{{ $labels.pod }}}}`; a new pod asks anew.",
            page="docs/reference/agent/configuration-file/encryption",
        )
    yield _alert(
        naming,
        "ConsulMeshCAExpiring",
        f"min(consul_mesh_active_root_ca_expiry{{{servers}}}) < {_MESH_CA_HOURS * _HOUR_SECONDS}",
        minutes=5,
        severity="warning",
        summary=f"the CA by which the servers sign the clients' certificates {ends}",
        action="Rotate it: `consul connect ca set-config` with another key's type or length.",
        page="commands/connect/ca",
    )


def _selector(naming: Naming, pods: str) -> str:
    """Matchers of all pods of a StatefulSet."""
    return f'namespace="{naming.namespace}", pod=~"{pods}-[0-9]+"'


def _alert(
    naming: Naming, name: str, expr: str, *, minutes: int, severity: str, summary: str, action: str, page: str
) -> dict[str, Any]:
    """An alerting rule; `minutes` is for how long it must hold, `action` what to do, `page` one of Consul's docs."""
    return {
        "alert": name,
        "expr": expr,
        "for": f"{minutes}m",
        "labels": {"severity": severity, "namespace": naming.namespace},
        "annotations": {
            "summary": f"Consul in {naming.namespace}: {summary}",
            "description": action,
            "runbook_url": f"{_DOCS}/{page}",
        },
    }


def _custom_resource(
    kind: str,
    name: str,
    labels: Mapping[str, str],
    namespace: pulumi.Input[str],
    spec: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
) -> None:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    CustomResource(name, api_version=_OPERATOR_API, kind=kind, metadata=metadata, spec=spec, opts=opts)


def _config_map(
    name: str,
    naming: Naming,
    namespace: pulumi.Input[str],
    data: dict[str, str],
    labels: dict[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """A ConfigMap by a name that others go by."""
    ConfigMap(
        name,
        metadata={"name": name, "namespace": namespace, "labels": naming.labels() | labels},
        data=data,
        opts=opts,
    )
