"""Run checkers of Kubernetes manifests with their default checks: kube-score, checkov and kubeconform."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.support.manifests import Manifest
from tools import toolchain

KUBERNETES = "v1.35"

# kube-score's grades: 10 and 7 are fine, 5 is a warning, 1 is critical.
_FULL = 10
_FINE = 7

# Annotations that waive a check, and its reason.
_KUBE_SCORE, _KUBE_SCORE_REASON, _CHECKOV_SKIP = "kube-score/ignore", "reason.kube-score/", "checkov.io/skip"


class Finding(NamedTuple):
    """A check that an object fails; `resource` is `Kind/name`."""

    check: str
    resource: str


@dataclass(frozen=True)
class Score:
    """A checker's result: the share of the best possible score, from 0 to 1, and the failed checks."""

    share: float
    complaints: set[Finding]


def kube_score(manifests: Sequence[Manifest]) -> Score:
    """Run kube-score. The share is the sum of the grades of all checks that apply, divided by that of full grades."""
    arguments = ["--kubernetes-version", KUBERNETES, "--output-format", "json"]
    scored = json.loads(_run([toolchain.binary("kube-score"), "score", *arguments, "-"], manifests))
    grades = [
        (Finding(check["check"]["id"], f"{of['type_meta']['kind']}/{of['object_meta']['name']}"), check["grade"])
        for of in scored
        for check in of["checks"]
        if not check["skipped"]
    ]
    points = sum(grade for _, grade in grades)
    return Score(points / (_FULL * len(grades)), {finding for finding, grade in grades if grade < _FINE})


def checkov(manifests: Sequence[Manifest]) -> Score:
    """Run checkov offline. The share is the number of passed checks, divided by that of passed and failed checks."""
    arguments = ["--framework", "kubernetes", "--skip-download", "--quiet", "--compact", "--output", "json"]
    program = [sys.executable, "-m", "checkov.main"]
    environment = {"PYTHONPATH": str(toolchain.python_packages("checkov"))}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifests.yaml").write_text(yaml.safe_dump_all(manifests))
        report = json.loads(_run([*program, "--directory", folder, *arguments], environment=environment))
    passed, failed = report["summary"]["passed"], report["results"]["failed_checks"]
    # checkov names a resource `Kind.namespace.name`.
    found = ((check["check_id"], check["resource"].split(".", 2)) for check in failed)
    complaints = {Finding(check, f"{kind}/{name}") for check, (kind, _, name) in found}
    return Score(passed / (passed + len(failed)), complaints)


def kubeconform(manifests: Sequence[Manifest]) -> list[str]:
    """Return what violates Kubernetes' schemas, one message each. Unknown fields and kinds are violations too."""
    schemas = toolchain.kubernetes_schemas() / "{{.ResourceKind}}{{.KindSuffix}}.json"
    command = [toolchain.binary("kubeconform"), "-strict", "-verbose", "-output", "json", "-schema-location", schemas]
    resources = json.loads(_run(command, manifests))["resources"]
    if len(resources) != len(manifests):
        raise AssertionError(f"kubeconform checked {len(resources)} of {len(manifests)} objects")
    return [
        f"{found['kind']}/{found['name']}: {found['msg']}" for found in resources if found["status"] != "statusValid"
    ]


def exceptions(manifests: Iterable[Manifest]) -> dict[Finding, str]:
    """Return the checks that objects waive, each with its reason, or an empty string if it has none."""
    return {
        Finding(check, f"{manifest['kind']}/{manifest['metadata']['name']}"): reason
        for manifest in manifests
        for check, reason in _excepted(manifest["metadata"].get("annotations", {}))
    }


def _excepted(annotations: dict[str, str]) -> Iterator[tuple[str, str]]:
    for check in filter(None, annotations.get(_KUBE_SCORE, "").split(",")):
        yield check, annotations.get(f"{_KUBE_SCORE_REASON}{check}", "")
    for key, text in annotations.items():
        if key.startswith(_CHECKOV_SKIP):
            check, _, reason = text.partition("=")
            yield check, reason


def without_exceptions(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return the objects without the annotations that waive checks."""

    def bare(metadata: dict[str, Any]) -> dict[str, Any]:
        annotations: dict[str, str] = metadata.get("annotations", {})
        kept = {key: text for key, text in annotations.items() if not key.startswith((_KUBE_SCORE, _CHECKOV_SKIP))}
        return metadata | {"annotations": kept}

    return [manifest | {"metadata": bare(manifest["metadata"])} for manifest in manifests]


def _run(
    command: Sequence[str | Path], manifests: Sequence[Manifest] = (), environment: Mapping[str, str] | None = None
) -> str:
    """Return what a checker prints; its exit code is 1 if it complains."""
    result = subprocess.run(
        command,
        input=yaml.safe_dump_all(manifests),
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if result.returncode not in (0, 1) or not result.stdout:
        raise AssertionError(f"{command[0]} ended with {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout
