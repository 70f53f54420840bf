"""What a reviewer sees: previews by the real engine and providers, with no cluster."""

import json
import shutil
from collections import Counter
from typing import Any

import pytest

from tests.preview.conftest import DEVELOPMENT, PRODUCTION
from tests.stack import PROJECT_DIR, Stack


def planned(stack: Stack) -> Counter[str]:
    """How many resources of each kind a preview would create."""
    steps: list[dict[str, Any]] = json.loads(stack.pulumi("preview", "--json").stdout)["steps"]
    assert {step["op"] for step in steps} == {"create"}
    return Counter(step["newState"]["type"].rpartition(":")[2] for step in steps)


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_stacks_of_the_repository_preview_without_a_warning(stack: Stack, name: str) -> None:
    shutil.copy(PROJECT_DIR / f"Pulumi.{name}.yaml", stack.settings_file)
    stack.settings_file.write_text(
        "".join(
            line
            for line in stack.settings_file.read_text().splitlines(keepends=True)
            if not line.startswith("encryptionsalt")
        )
    )
    first = stack.preview()
    assert "warning" not in first
    assert "error" not in first
    assert stack.preview() == first


def test_development_has_an_ingress_and_production_none(stack: Stack) -> None:
    development = planned(stack)
    assert development["Ingress"] == 1
    assert development["PersistentVolume"] == 3
    stack.configure(PRODUCTION)
    production = planned(stack)
    assert production["Ingress"] == production["PersistentVolume"] == 0
    assert production["StatefulSet"] == development["StatefulSet"] == 2


@pytest.mark.parametrize(
    ("settings", "key", "value"),
    [
        (DEVELOPMENT | {"serverReplicas": 4}, "serverReplicas", "4"),
        (DEVELOPMENT | {"serverReplicas": 0}, "serverReplicas", "0"),
        (PRODUCTION | {"serverReplicas": 1}, "serverReplicas", "1"),
        (PRODUCTION | {"ingressEnabled": True, "ingressHost": "a.example"}, "ingressEnabled", "true"),
        (DEVELOPMENT | {"ingressHost": ""}, "ingressHost", '""'),
        (DEVELOPMENT | {"namespace": "Consul"}, "namespace", '"Consul"'),
        (DEVELOPMENT | {"datacenter": "dc 1"}, "datacenter", '"dc 1"'),
        (DEVELOPMENT | {"storageSize": "10 Gi"}, "storageSize", '"10 Gi"'),
        (DEVELOPMENT | {"caValidityHours": -1}, "caValidityHours", "-1"),
        (DEVELOPMENT | {"certificateRenewalHours": 9999}, "certificateRenewalHours", "9999"),
        (DEVELOPMENT | {"storageNodes": ["node-1"]}, "storageNodes", '["node-1"]'),
        (DEVELOPMENT | {"image": "hashicorp/consul"}, "image", '"hashicorp/consul"'),
        (DEVELOPMENT | {"replicas": 3}, "replicas", '"3"'),
        (DEVELOPMENT | {"serverResources": {"limits": {"cpu": "1x"}}}, "serverResources", "1x"),
        (DEVELOPMENT | {"serverReplicas": "three"}, "serverReplicas", '"three"'),
        (DEVELOPMENT | {"ingressEnabled": "yes"}, "ingressEnabled", '"yes"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_setting_is_one_error_and_registers_nothing(
    stack: Stack, settings: dict[str, Any], key: str, value: str
) -> None:
    stack.configure(settings)
    before = stack.state.read_text()
    result = stack.pulumi("preview", check=False)
    printed = result.stdout + result.stderr
    assert result.returncode != 0
    (line,) = [line for line in printed.partition("Diagnostics:")[2].splitlines() if "consul-cluster:" in line]
    assert f"error: consul-cluster:{key} = " in line
    assert value in line
    assert "allowed: " in line
    assert "Traceback" not in printed
    assert "StatefulSet" not in printed
    assert stack.state.read_text() == before
