"""Checkers of Kubernetes manifests on the objects of the stacks dev and prod."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkers import Score, checkov, exceptions, kube_score, kubeconform, without_exceptions
from tests.support.manifests import PLACEHOLDER, Manifest, previewed, settings_of
from tests.support.stack import Stack

DIGEST = f"hashicorp/consul:1.22.6@sha256:{'0' * 64}"


def rendered(folder: Path, name: str, **changes: Any) -> list[Manifest]:
    stack = Stack(folder)
    stack.configure(settings_of(name) | changes)
    return previewed(stack)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return rendered(tmp_path_factory.mktemp("production"), "prod")


@pytest.mark.parametrize("checker", [kube_score, checkov])
def test_production_passes_every_check(production: list[Manifest], checker: Callable[[list[Manifest]], Score]) -> None:
    score = checker(production)
    assert score.complaints == set()
    assert score.share == 1


def test_every_waiver_has_a_reason_and_is_needed(production: list[Manifest]) -> None:
    excepted = exceptions(production)
    assert [finding for finding, reason in excepted.items() if len(reason.split()) < 5] == []
    bare = without_exceptions(production)
    assert exceptions(bare) == {}
    assert kube_score(bare).complaints | checkov(bare).complaints == excepted.keys()


def test_an_image_with_a_digest_needs_no_waiver_of_checkov(tmp_path: Path) -> None:
    manifests = rendered(tmp_path, "prod", image=DIGEST)
    assert {finding.check for finding in exceptions(manifests)} == {
        "container-image-pull-policy",
        "service-targets-pod",
    }
    assert checkov(manifests).complaints == set()


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_objects_match_the_schemas_and_show_no_secret(tmp_path: Path, name: str) -> None:
    manifests = rendered(tmp_path, name)
    assert kubeconform(manifests) == []
    secrets = [manifest for manifest in manifests if manifest["kind"] == "Secret"]
    contents = [secret[data] for secret in secrets for data in ("data", "stringData") if data in secret]
    assert contents
    assert [content for content in contents if content != PLACEHOLDER] == []


def test_kubeconform_finds_an_unknown_field() -> None:
    namespace: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "colour": "green"}}
    (found,) = kubeconform([namespace])
    assert "colour" in found
