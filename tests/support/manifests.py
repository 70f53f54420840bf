"""A stack's Kubernetes objects as plain manifests, as kubectl and checkers take them."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any, cast

import yaml

from tests.support.stack import PROJECT_DIR, Stack

Manifest = dict[str, Any]

# What the engine prints in place of a secret value.
SECRET = "[secret]"  # noqa: S105 - a placeholder


def settings_of(name: str) -> dict[str, Any]:
    """Return the settings of one of the repository's stacks as committed: the user may have changed the file since."""
    show = ["git", "show", f"HEAD:Pulumi.{name}.yaml"]
    committed = subprocess.run(show, cwd=PROJECT_DIR, capture_output=True, text=True, check=True).stdout
    config = yaml.safe_load(committed)["config"]
    return {key.rpartition(":")[2]: value for key, value in config.items()}


def previewed(stack: Stack) -> list[Manifest]:
    """What a new cluster would be made of, by the engine's preview; a placeholder stands for what is secret."""
    steps = json.loads(stack.pulumi("preview", "--json").stdout)["steps"]
    manifests = _kubernetes(step["newState"] for step in steps)
    for manifest in manifests:
        if manifest.get("stringData") == SECRET:
            manifest["stringData"] = {"placeholder": SECRET}
    return manifests


def deployed(stack: Stack) -> list[Manifest]:
    """What a cluster was made of, by the stack's state; secrets in plain text."""
    return _kubernetes(stack.deployment())


def _kubernetes(resources: Iterable[Mapping[str, Any]]) -> list[Manifest]:
    return [_plain(resource["inputs"]) for resource in resources if resource["type"].startswith("kubernetes:")]


def _plain(value: object) -> Any:
    """Inputs without the marks that Pulumi puts on secrets and on itself."""
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    inputs = cast("dict[str, Any]", value)
    if "plaintext" in inputs:
        return json.loads(inputs["plaintext"])
    return {key: _plain(item) for key, item in inputs.items() if key != "__defaults"}


def planned(stack: Stack) -> list[str]:
    """The kinds of the resources that a preview would create, each with its name."""
    steps: list[dict[str, Any]] = json.loads(stack.pulumi("preview", "--json").stdout)["steps"]
    assert {step["op"] for step in steps} == {"create"}
    return sorted(step["urn"].rpartition("$")[2] for step in steps)
