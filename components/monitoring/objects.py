"""The Kubernetes objects through which Prometheus and Grafana find the alerts, the dashboard and the metrics."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.agents.agent_config import CA_CERTIFICATE, METRICS_PATH
from components.cluster import Cluster
from components.identity import CLIENT, SERVER
from components.kubernetes.immutable import create_secret
from components.monitoring.alerts import alert_rules
from components.monitoring.dashboard import dashboard_model
from components.naming import Naming
from components.trust.authority import Authority

# https://prometheus-operator.dev/docs/api-reference/api/
_OPERATOR_API = "monitoring.coreos.com/v1"

# The key of the metrics token in the Secret.
_TOKEN = "metrics-token"  # noqa: S105 - a file's name

# The key of the ConfigMap with the alerts.
RULES_FILE = "alerts.yaml"

# Grafana's sidecar finds dashboards by this label, which is the default of the charts of Grafana and of
# kube-prometheus-stack.
_DASHBOARD_LABELS = {"grafana_dashboard": "1"}


def create_monitoring(
    cluster: Cluster, authority: Authority, token: pulumi.Output[str] | None, opts: pulumi.ResourceOptions
) -> None:
    """Create the dashboard and the alerts; `token` is the metrics token, or None without ACLs.

    With the Prometheus Operator the alerts are a PrometheusRule, and ServiceMonitors scrape the agents; the operator's
    CRDs must exist. Without it the alerts are a rules file in a ConfigMap.
    """
    naming, settings = cluster.naming, cluster.settings
    rules = authority.expiry.apply(lambda expiry: {"groups": [alert_rules(naming, settings, expiry)]})
    dashboard = json.dumps(dashboard_model(naming), sort_keys=True)
    name = f"{naming.name}-dashboard"
    # The sidecar writes the dashboards of all namespaces into one folder, so the file's name contains the namespace.
    _create_config_map(name, cluster, {f"{naming.namespace}-{name}.json": dashboard}, _DASHBOARD_LABELS, opts)
    if settings.monitoring == "annotations":
        text = rules.apply(_yaml)
        _create_config_map(f"{naming.name}-alerts", cluster, {RULES_FILE: text}, {}, opts)
        return
    _create_custom_resource("PrometheusRule", naming.name, cluster.metadata(naming.name), rules, opts)
    # Use a separate Secret: the operator can read it, so it holds only the CA certificate and the metrics token.
    data = {CA_CERTIFICATE: authority.certificates} | ({_TOKEN: token} if token else {})
    secret = create_secret(f"{naming.name}-metrics", cluster, data, opts).metadata.name
    for service, component in ((naming.name, SERVER), (naming.clients, CLIENT)):
        spec = service_monitor(naming, service, component, secret, with_token=token is not None)
        _create_custom_resource("ServiceMonitor", service, cluster.metadata(service, component), spec, opts)


def _yaml(rules: dict[str, Any]) -> str:
    return yaml.safe_dump(rules, allow_unicode=True, sort_keys=False, width=1000)


def service_monitor(
    naming: Naming, service: str, component: str, secret: pulumi.Input[str], *, with_token: bool
) -> dict[str, Any]:
    """Return a ServiceMonitor spec for the agents behind a headless Service; the Secret has the CA and the token.

    https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitorSpec
    """
    endpoint: dict[str, Any] = {
        "port": "https",
        "scheme": "https",
        "path": METRICS_PATH,
        "params": {"format": ["prometheus"]},
        "tlsConfig": {"ca": {"secret": {"name": secret, "key": CA_CERTIFICATE}}, "serverName": naming.host(service)},
        # Keep one Service only: the UI Service has the same labels and would add each server a second time.
        "relabelings": [{"sourceLabels": ["__meta_kubernetes_service_name"], "regex": service, "action": "keep"}],
    }
    if with_token:
        endpoint["authorization"] = {"credentials": {"name": secret, "key": _TOKEN}}
    return {"selector": {"matchLabels": naming.labels(component)}, "endpoints": [endpoint]}


def _create_custom_resource(
    kind: str,
    name: str,
    metadata: ObjectMetaArgsDict,
    spec: pulumi.Input[Mapping[str, Any]],
    opts: pulumi.ResourceOptions,
) -> None:
    CustomResource(name, api_version=_OPERATOR_API, kind=kind, metadata=metadata, spec=spec, opts=opts)


def _create_config_map(
    name: str,
    cluster: Cluster,
    data: dict[str, pulumi.Input[str]],
    labels: dict[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Create a ConfigMap with a fixed name, which other tools refer to."""
    metadata = cluster.metadata(name)
    ConfigMap(name, metadata={**metadata, "labels": cluster.naming.labels() | labels}, data=data, opts=opts)
