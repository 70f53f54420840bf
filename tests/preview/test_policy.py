"""The policy pack on the real engine: each policy refuses its violations and nothing else."""

import re
from pathlib import Path

import pytest

from tests.preview.policy_programs.values import SECRETS
from tests.support.manifests import settings_of
from tests.support.policies import PACK, PREVIEW_TIMEOUT_SECONDS, project
from tests.support.secrets import secrets, shows
from tests.support.settings import DEVELOPMENT
from tests.support.stack import WITHOUT_CLUSTER, Stack


def violations(printed: str) -> list[tuple[str, str]]:
    """Return the name of each violated policy in a preview's output, with its message on one line."""
    reports = re.split(r"\n +- \[mandatory\] +", printed.partition("Policies:")[2].partition("\nDiagnostics:")[0])[1:]
    return [(report.split()[0], " ".join(report.split())) for report in reports]


def refused(folder: Path, program: str) -> list[tuple[str, str]]:
    """Preview a program, check that it is refused, and return the violations."""
    result = project(folder, program).pulumi(
        "preview", "--policy-pack", str(PACK), check=False, timeout=PREVIEW_TIMEOUT_SECONDS
    )
    printed = result.stdout + result.stderr
    assert result.returncode != 0, printed
    assert "Traceback" not in printed
    return violations(printed)


@pytest.mark.parametrize(
    ("program", "policy", "expected"),
    [
        (
            "exposed_ui.py",
            "no-exposed-ui",
            {
                "Service consul/open: spec.type LoadBalancer": "kubectl port-forward",
                "Ingress consul/open: leads from the outside to Consul's Service consul-ui": "ingressEnabled",
                "HTTPRoute edge/open: leads from the outside to Consul's Service open": "kubectl port-forward",
                "Service consul/first: spec.type NodePort": "kubectl port-forward",
                "IngressRouteTCP consul/tls: leads from the outside to Consul's Service consul-ui": "ingressEnabled",
            },
        ),
        (
            "unsound_quorum.py",
            "sound-quorum",
            {
                "StatefulSet consul/consul: spec.replicas 4": "serverReplicas",
                "ConfigMap consul/consul-bootstrap: bootstrap_expect 3; allowed: 4": "never starts",
                "PodDisruptionBudget consul/consul: lets 2 of 4 servers be evicted": "spec.maxUnavailable to 1",
            },
        ),
        (
            "unverified_tls.py",
            "tls-verification",
            {
                "tls.internal_rpc.verify_incoming is missing for StatefulSet consul/consul": "allowed: true",
                "tls.defaults.tls_min_version is TLSv1_1": "Remove it",
                "plain HTTP is on 0.0.0.0": "ports.https",
                "Deployment consul/caller: CONSUL_HTTP_SSL_VERIFY of container web is false": "CONSUL_CACERT",
            },
        ),
        (
            "plain_text.py",
            "no-plain-text-secrets",
            {
                'ConfigMap consul/written: data["agent.hcl"] looks like a secret': "Put it into a Kubernetes Secret",
                "Deployment consul/caller: variable CONSUL_HTTP_TOKEN of container web": "secretKeyRef",
                "Deployment consul/caller: args[2] of container web looks like a secret": "mount it as a file",
            },
        ),
        (
            "unpinned_images.py",
            "pinned-images",
            {
                'Deployment consul/web: image "example/web:latest" of container latest': "a digest",
                'Deployment consul/web: image "registry:5000/web" of container bare': "a tag other than latest",
            },
        ),
        (
            "budget_and_spread.py",
            "budget-and-spread",
            {
                "StatefulSet consul/consul: no PodDisruptionBudget selects its pods": "one in the namespace consul",
                "StatefulSet consul/consul: its pods' spread over nodes is preferred": "DoNotSchedule",
            },
        ),
        (
            "unprotected_ca.py",
            "protected-ca",
            {
                "PrivateKey consul-ca: is not protected": "ResourceOptions(protect=True)",
                "StatefulSet consul/consul: is not protected": "protect=True in production",
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.endswith(".py") else "",
)
def test_a_violation_is_refused_with_a_remedy(
    tmp_path: Path, program: str, policy: str, expected: dict[str, str]
) -> None:
    found = refused(tmp_path / "project", program)
    assert {name for name, _ in found} == {policy}
    for violation, remedy in expected.items():
        matching = [message for _, message in found if violation in message and remedy in message]
        assert matching, f"{violation} is not in {found}"
    assert len(found) == len(expected), found


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_stacks_of_this_repository_have_no_violation(stack: Stack, name: str) -> None:
    stack.configure(settings_of(name))
    printed = stack.pulumi("preview", "--policy-pack", str(PACK), timeout=PREVIEW_TIMEOUT_SECONDS).stdout
    assert "✅ consul-cluster@" in printed
    assert violations(printed) == []


def test_a_single_development_server_has_no_violation(stack: Stack) -> None:
    stack.configure(DEVELOPMENT | {"serverReplicas": 1})
    assert violations(stack.pulumi("preview", "--policy-pack", str(PACK), timeout=PREVIEW_TIMEOUT_SECONDS).stdout) == []


def test_messages_contain_no_secret(tmp_path: Path) -> None:
    """The stack exists, so that its preview knows the secrets in the state besides those in the source."""
    stack = project(tmp_path / "project", "plain_text.py")
    stack.up(*WITHOUT_CLUSTER)
    created = secrets(stack.deployment())
    assert created
    messages = [message for _, message in violations(stack.preview("--policy-pack", str(PACK), check=False))]
    assert [message for message in messages if "ConfigMap consul/derived: data.key has a Pulumi secret" in message]
    found = [name for name, value in (created | SECRETS).items() if any(shows(message, value) for message in messages)]
    assert found == []


def test_an_update_refuses_a_misplaced_secret_before_it_is_created(tmp_path: Path) -> None:
    """An update knows the gossip key, so the provider keeps its mark. The preview of a new stack loses the mark."""
    stack = project(tmp_path / "project", "plain_text.py")
    arguments = ("--yes", "--skip-preview", "--policy-pack", str(PACK), "--target=**derived", "--target-dependents")
    targets = WITHOUT_CLUSTER
    result = stack.pulumi("up", *arguments, *targets, check=False, timeout=PREVIEW_TIMEOUT_SECONDS)
    assert result.returncode != 0
    assert "ConfigMap consul/derived: data.key has a Pulumi secret" in " ".join(result.stdout.split())
    assert "kubernetes:core/v1:ConfigMap derived creating" not in result.stdout
