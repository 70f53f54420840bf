"""Previews by the real engine and providers, without a cluster."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.consul import wait_for
from tests.support.manifests import planned, settings_of
from tests.support.settings import DEVELOPMENT, PRODUCTION
from tests.support.stack import PROJECT_DIR, WITHOUT_CLUSTER, Stack
from tools import toolchain


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_stacks_of_this_repository_preview_without_warnings(stack: Stack, name: str) -> None:
    stack.configure(settings_of(name))
    printed = stack.preview()
    assert "warning" not in printed
    assert "error" not in printed
    assert planned(stack) == planned(stack)


def test_development_has_an_ingress_and_production_none(stack: Stack) -> None:
    development = set(planned(stack))
    stack.configure(PRODUCTION)
    production = set(planned(stack))
    assert not production - development
    only_development = {name.partition("::")[0].rpartition(":")[2] for name in development - production}
    certificate = {"PrivateKey", "CertRequest", "LocallySignedCert", "Secret"}
    assert only_development == {"Ingress", "PersistentVolume", "PersistentVolumeClaim", "RandomId"} | certificate


@pytest.mark.parametrize(
    ("settings", "bad"),
    [
        (DEVELOPMENT, {"serverReplicas": 0}),
        (
            DEVELOPMENT,
            {
                "serverReplicas": "three",
                "namespace": "Consul",
                "datacenter": "dc 1",
                "storageSize": "10 Gi",
                "caValidityHours": -1,
                "image": "hashicorp/consul",
                "replicas": "3",
                "serverResources": {"limits": {"cpu": "1x"}},
                "ingressEnabled": "yes",
            },
        ),
        # Rules between settings apply once each setting is valid alone.
        (DEVELOPMENT, {"serverReplicas": 4, "certificateRenewalHours": 9999, "ingressHost": ""}),
        (DEVELOPMENT, {"storageNodes": ["node-1"]}),
        (PRODUCTION | {"ingressHost": "a.example"}, {"serverReplicas": 1, "ingressEnabled": True}),
    ],
    ids=["one", "single settings", "rules", "nodes", "production"],
)
def test_each_invalid_setting_is_one_line_and_registers_nothing(
    stack: Stack, settings: dict[str, Any], bad: dict[str, Any]
) -> None:
    stack.configure(settings | bad)
    before = stack.state.read_text()
    result = stack.pulumi("preview", check=False)
    printed = result.stdout + result.stderr
    assert result.returncode != 0
    lines = [line for line in printed.partition("Diagnostics:")[2].splitlines() if "consul-cluster:" in line]
    for key, value in bad.items():
        start = f"consul-cluster:{key} = {json.dumps(value)} cannot be used; allowed: "
        assert sum(start in line for line in lines) == 1, f"{start} is not in {lines}"
    assert len(lines) == len(bad)
    assert lines[0].strip().startswith("error: ")
    assert "Traceback" not in printed
    assert "StatefulSet" not in printed
    assert stack.state.read_text() == before


def test_production_refuses_to_delete_what_cannot_be_recreated(stack: Stack) -> None:
    stack.configure(PRODUCTION)
    stack.up(*WITHOUT_CLUSTER)
    urns = [resource["urn"] for resource in stack.deployment()]
    for kept in ("randomPassword:RandomPassword::consul-gossip", "privateKey:PrivateKey::consul-ca"):
        (urn,) = [urn for urn in urns if urn.endswith(kept)]
        assert "protect" in stack.preview("--replace", urn, check=False)
    destroyed = stack.pulumi("destroy", "--yes", "--skip-preview", check=False)
    assert destroyed.returncode != 0
    assert "protect" in destroyed.stdout + destroyed.stderr


def test_development_can_be_destroyed_at_any_time(stack: Stack) -> None:
    stack.up(*WITHOUT_CLUSTER)
    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert stack.deployment() == []


def test_a_killed_engine_leaves_no_process_behind(stack: Stack) -> None:
    if toolchain.users_pulumi():
        pytest.skip("tests only the toolchain's own language host")
    with subprocess.Popen(
        ["pulumi", "preview", "--stack", stack.name, "--config-file", stack.settings_file, "--non-interactive"],
        cwd=PROJECT_DIR,
        env=stack.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as engine:
        host = wait_for("language host", lambda: next(iter(hosts(engine.pid)), None), 30)
        engine.kill()
    wait_for("end of the language host", lambda: not Path(f"/proc/{host}").exists(), 30)


def test_the_toolchains_pulumi_keeps_no_log_of_commands(stack: Stack) -> None:
    if toolchain.users_pulumi():
        pytest.skip("tests only the toolchain's own Pulumi")
    stack.preview()
    assert not list(Path(stack.environment["PULUMI_HOME"]).rglob("*.log"))


def hosts(engine: int) -> list[str]:
    """Return the PIDs of an engine's language host."""
    # Linux lists a child process under the thread that started it.
    pids = [pid for thread in Path(f"/proc/{engine}/task").glob("*/children") for pid in thread.read_text().split()]
    return [pid for pid in pids if "language_host.py" in command_line(pid)]


def command_line(pid: str) -> str:
    """Return the command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:
        return ""
