"""The alerting rules of a cluster. Pure.

The rules use the metrics of Consul 1.22, and the labels `namespace` and `pod`, which both the Prometheus Operator and
the usual pod relabelling set.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from components.naming import Naming
from components.quorum import tolerated_losses
from components.settings import Settings

_HOUR_SECONDS = 3600

# Servers issue client certificates for 72 h, and a client requests the next one after at most 65 h (Consul's
# agent/leafcert/generate.go). Consul updates the expiry metric once an hour.
_CLIENT_CERTIFICATE_HOURS = 6

# Consul's own CA signs the clients' certificates. It is valid for 10 years, and an operator must rotate it. Consul also
# logs a warning 28 days before it expires.
_MESH_CA_HOURS = 28 * 24

_DOCS = "https://developer.hashicorp.com/consul"


def alert_rules(naming: Naming, settings: Settings, ca_expiry: str) -> dict[str, Any]:
    """Return the group of alerting rules for a cluster whose CA certificate expires at `ca_expiry`, in RFC 3339.

    https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
    """
    alerts = [*_quorum_alerts(naming, settings), *_down_alerts(naming, settings)]
    alerts += _expiry_alerts(naming, settings, datetime.fromisoformat(ca_expiry))
    return {"name": f"{naming.name}-{naming.namespace}", "rules": alerts}


def _quorum_alerts(naming: Naming, settings: Settings) -> Iterator[dict[str, Any]]:
    servers, pods = settings.server_replicas, _selector(naming, naming.name)
    state = f"`kubectl -n {naming.namespace} exec {naming.name}-0 -- consul operator autopilot state`"
    yield _alert(
        naming,
        "ConsulNoLeader",
        # Default to 0: a server that starts without a leader cannot resolve tokens, so its scrapes fail.
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
                # Count pods: a missing pod has no series, and a pod that several jobs scrape has several.
                f"(count(count by (pod) (up{{{_selector(naming, pods)}}} == 1)) or vector(0)) < {declared}",
                minutes=10,
                severity="warning",
                summary=f"{{{{ $value }}}} of {declared} {role.lower()}s answer Prometheus",
                action=f"Look at `kubectl -n {naming.namespace} get pods -o wide` and at the log of the one that is "
                "missing; if all run, at Prometheus' targets: the CA, the token, monitoringNamespace.",
                page="commands/members",
            )


def _expiry_alerts(naming: Naming, settings: Settings, ca_expiry: datetime) -> Iterator[dict[str, Any]]:
    servers, clients = _selector(naming, naming.name), _selector(naming, naming.clients)
    renewal = settings.certificate_renewal_hours * _HOUR_SECONDS
    ends = "ends in {{ $value | humanizeDuration }}"
    for severity, seconds in (("warning", renewal), ("critical", renewal // 4)):
        yield _alert(
            naming,
            "ConsulCertificateExpiring",
            f"consul_agent_tls_cert_expiry{{{servers}}} < {seconds}",
            minutes=5,
            severity=severity,
            summary=f"the certificate of {{{{ $labels.pod }}}} {ends}",
            action="Run `pulumi up`, which renews the certificates of servers and clients. No agent restarts.",
            page="docs/reference/agent/configuration-file/tls",
        )
        # No metric reports when the CA certificate expires.
        yield _alert(
            naming,
            "ConsulCAExpiring",
            f"vector({int(ca_expiry.timestamp())}) - time() < {seconds}",
            minutes=5,
            severity=severity,
            summary=f"the CA certificate {ends}",
            action="Run `pulumi up`, which renews it. Then run it in the projects that use the output caCertificate.",
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
    """Return the label matchers for all pods of a StatefulSet."""
    return f'namespace="{naming.namespace}", pod=~"{pods}-[0-9]+"'


def _alert(
    naming: Naming, name: str, expr: str, *, minutes: int, severity: str, summary: str, action: str, page: str
) -> dict[str, Any]:
    """Return an alerting rule that fires after `expr` has held for `minutes`.

    `action` says what to do; `page` is the path of a page in Consul's documentation.
    """
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
