"""A stack's Kubernetes objects as manifests for kubectl and checkers."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any, cast

import yaml

from tests.support.stack import PROJECT_DIR, Stack

Manifest = dict[str, Any]

# The engine prints this instead of a secret value.
SECRET = "[secret]"  # noqa: S105 - a placeholder
PLACEHOLDER = {"placeholder": SECRET}


def settings_of(name: str) -> dict[str, Any]:
    """Return the committed settings of a stack of this repository, because the user may have changed the file."""
    show = ["git", "show", f"HEAD:Pulumi.{name}.yaml"]
    committed = subprocess.run(show, cwd=PROJECT_DIR, capture_output=True, text=True, check=True).stdout
    config = yaml.safe_load(committed)["config"]
    return {key.rpartition(":")[2]: value for key, value in config.items()}


def previewed(stack: Stack) -> list[Manifest]:
    """Return the manifests of a new cluster, from the engine's preview, with a placeholder for each secret."""
    steps = json.loads(stack.pulumi("preview", "--json").stdout)["steps"]
    manifests = _kubernetes(step["newState"] for step in steps)
    for manifest in manifests:
        for data in ("data", "stringData"):
            if manifest.get(data) == SECRET:
                manifest[data] = PLACEHOLDER
    return manifests


def deployed(stack: Stack) -> list[Manifest]:
    """Return the manifests of a deployed cluster, from the stack's state, with secrets in plain text."""
    return _kubernetes(stack.deployment())


def _kubernetes(resources: Iterable[Mapping[str, Any]]) -> list[Manifest]:
    return [_plain(resource["inputs"]) for resource in resources if resource["type"].startswith("kubernetes:")]


def _plain(value: object) -> Any:
    """Return inputs without Pulumi's marks of secrets, and without its own fields."""
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    inputs = cast("dict[str, Any]", value)
    if "plaintext" in inputs:
        return json.loads(inputs["plaintext"])
    return {key: _plain(item) for key, item in inputs.items() if key != "__defaults"}


def planned(stack: Stack) -> list[str]:
    """Return type and name of each resource that a preview creates, such as `kubernetes:core/v1:Secret::consul`."""
    steps: list[dict[str, Any]] = json.loads(stack.pulumi("preview", "--json").stdout)["steps"]
    assert {step["op"] for step in steps} == {"create"}
    return sorted(step["urn"].rpartition("$")[2] for step in steps)
