"""The policy pack on the real engine: what each policy refuses, and that it refuses nothing else."""

import re
from pathlib import Path

import pytest

from tests.preview.policy_programs.values import SECRETS
from tests.support.manifests import settings_of
from tests.support.policies import PACK, SECONDS, project
from tests.support.secrets import secrets, shows
from tests.support.settings import DEVELOPMENT
from tests.support.stack import WITHOUT_CLUSTER, Stack


def violations(printed: str) -> list[tuple[str, str]]:
    """The policies that a preview reports as violated, each with its message on one line."""
    reports = re.split(r"\n +- \[mandatory\] +", printed.partition("Policies:")[2].partition("\nDiagnostics:")[0])[1:]
    return [(report.split()[0], " ".join(report.split())) for report in reports]


def refused(folder: Path, program: str) -> list[tuple[str, str]]:
    """The violations of a program, whose preview fails for them alone."""
    result = project(folder, program).pulumi("preview", "--policy-pack", str(PACK), check=False, timeout=SECONDS)
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
                "tls.defaults.tls_min_version is TLSv1_1": "Leave it out",
                "plain HTTP is on 0.0.0.0": "ports.https",
                "Deployment consul/caller: CONSUL_HTTP_SSL_VERIFY of container web is false": "CONSUL_CACERT",
            },
        ),
        (
            "plain_text.py",
            "no-plain-text-secrets",
            {
                'ConfigMap consul/written: data["agent.hcl"] looks like a secret': "Put it into a Secret",
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
def test_a_violation_is_refused_with_the_way_out(
    tmp_path: Path, program: str, policy: str, expected: dict[str, str]
) -> None:
    found = refused(tmp_path / "project", program)
    assert {name for name, _ in found} == {policy}
    for what, way_out in expected.items():
        assert [message for _, message in found if what in message and way_out in message], f"{what} is not in {found}"
    assert len(found) == len(expected), found


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_stacks_of_the_repository_violate_nothing(stack: Stack, name: str) -> None:
    stack.configure(settings_of(name))
    printed = stack.pulumi("preview", "--policy-pack", str(PACK), timeout=SECONDS).stdout
    assert "✅ consul-cluster@" in printed
    assert violations(printed) == []


def test_a_single_server_for_development_violates_nothing(stack: Stack) -> None:
    stack.configure(DEVELOPMENT | {"serverReplicas": 1})
    assert violations(stack.pulumi("preview", "--policy-pack", str(PACK), timeout=SECONDS).stdout) == []


def test_no_secret_is_in_what_policies_say(tmp_path: Path) -> None:
    """Neither those that the program spells out, nor those of the state, which a new stack's preview does not know."""
    stack = project(tmp_path / "project", "plain_text.py")
    stack.up(*WITHOUT_CLUSTER)
    made = secrets(stack.deployment())
    assert made
    said = [message for _, message in violations(stack.preview("--policy-pack", str(PACK), check=False))]
    assert [message for message in said if "ConfigMap consul/derived: data.key has a secret of Pulumi" in message]
    found = [name for name, value in (made | SECRETS).items() if any(shows(message, value) for message in said)]
    assert found == []


def test_an_update_refuses_a_misplaced_secret_before_it_is_made(tmp_path: Path) -> None:
    """The gossip key is known by then, and the provider keeps the mark that a preview of a new stack does not have."""
    stack = project(tmp_path / "project", "plain_text.py")
    arguments = ("--yes", "--skip-preview", "--policy-pack", str(PACK), "--target=**derived", "--target-dependents")
    targets = WITHOUT_CLUSTER
    result = stack.pulumi("up", *arguments, *targets, check=False, timeout=SECONDS)
    assert result.returncode != 0
    assert "ConfigMap consul/derived: data.key has a secret of Pulumi" in " ".join(result.stdout.split())
    assert "kubernetes:core/v1:ConfigMap derived creating" not in result.stdout
