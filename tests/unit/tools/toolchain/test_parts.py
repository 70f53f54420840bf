"""The cache keys of the parts, and versions that are in several places."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tools.toolchain import golang, parts
from tools.toolchain.errors import ToolchainError
from tools.toolchain.parts import GoPart

ROOT = Path(__file__).parents[4]
GO_PARTS = [part for part in parts.ALL if isinstance(part, GoPart)]


@pytest.fixture
def go_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golang, "version", lambda: "go1.26.1")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go_version: None) -> Path:
    """Copy the modules, and return the folder of provider-tls."""
    for name in ("go", "pulumi_home.py", "language_host.py", "pulumi-language-python"):
        source = parts.HERE / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    monkeypatch.setattr(parts, "HERE", tmp_path)
    return tmp_path / "go" / "provider-tls"


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go", "new.go"])
def test_the_key_changes_with_a_source(copied: Path, file: str) -> None:
    before = parts.named("provider-tls").key
    assert parts.named("provider-tls").key == before
    with (copied / file).open("a") as source:
        source.write("\n")
    assert parts.named("provider-tls").key != before


def test_the_key_changes_with_the_go_version(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = parts.named("provider-tls").key
    monkeypatch.setattr(golang, "version", lambda: "go1.27.0")
    assert parts.named("provider-tls").key != before


def test_the_key_changes_with_a_flag(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = parts.named("provider-tls").key
    monkeypatch.setattr(golang, "LINKER_FLAGS", ())
    assert parts.named("provider-tls").key != before


def test_the_key_changes_with_the_build_tags(copied: Path) -> None:
    part = parts.named("provider-tls")
    assert isinstance(part, GoPart)
    assert replace(part, tags=("small",)).key != part.key


def test_the_key_changes_with_the_package(go_version: None) -> None:
    part = parts.named("kubectl")
    assert isinstance(part, GoPart)
    assert replace(part, main="k8s.io/kubernetes/cmd/kubelet").key != part.key


def test_the_key_changes_with_a_start_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("apt.py", "debian.py", "browser"):
        source = parts.HERE / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    monkeypatch.setattr(parts, "HERE", tmp_path)
    before = parts.named("chromium").key
    (tmp_path / "browser" / "fonts.conf").write_text("")
    assert parts.named("chromium").key != before


@pytest.mark.parametrize("file", ["pip_install.py", "python/checkov/requirements.txt"])
def test_the_key_changes_with_the_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    shutil.copy(parts.HERE / "pip_install.py", tmp_path)
    shutil.copytree(parts.HERE / "python", tmp_path / "python")
    monkeypatch.setattr(parts, "HERE", tmp_path)
    before = parts.named("checkov").key
    with (tmp_path / file).open("a") as source:
        source.write("\n")
    assert parts.named("checkov").key != before


def test_a_key_depends_on_the_needed_parts_and_on_no_others(copied: Path) -> None:
    home, random = parts.named("pulumi-home").key, parts.named("provider-random").key
    (copied / "go.sum").write_text("")
    assert parts.named("pulumi-home").key != home
    assert parts.named("provider-random").key == random


@pytest.mark.parametrize(
    ("part", "module", "version"),
    [
        ("kubernetes", "k8s.io/kubernetes", parts.KUBERNETES_VERSION),
        ("consul", "github.com/hashicorp/consul", parts.CONSUL_VERSION),
        ("pulumi", "github.com/pulumi/pulumi/pkg/v3", parts.PULUMI_VERSION),
        ("kubernetes", "github.com/coredns/coredns", parts.COREDNS_VERSION),
        ("kubernetes", "sigs.k8s.io/kube-network-policies", parts.NETWORK_POLICIES_VERSION),
        ("promtool", "github.com/prometheus/prometheus", parts.CHECKER_VERSIONS["promtool"]),
        ("kube-score", "github.com/zegl/kube-score", parts.CHECKER_VERSIONS["kube-score"]),
        ("kubeconform", "github.com/yannh/kubeconform", parts.CHECKER_VERSIONS["kubeconform"]),
        ("actionlint", "github.com/rhysd/actionlint", parts.CHECKER_VERSIONS["actionlint"]),
        ("local-path-provisioner", "github.com/rancher/local-path-provisioner", parts.PROVISIONER_VERSION),
        ("language-yaml", "github.com/pulumi/pulumi-yaml", parts.YAML_VERSION),
    ],
)
def test_the_declared_version_is_the_built_version(part: str, module: str, version: str) -> None:
    text = (parts.HERE / "go" / part / "go.mod").read_text()
    assert re.search(rf"^(require|\t) ?{re.escape(module)} v{re.escape(version)}( // indirect)?$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("pulumi", parts.PULUMI_VERSION),
        *((f"pulumi-{name}", version) for name, version in parts.PROVIDERS.items()),
    ],
)
def test_the_python_packages_have_the_built_versions(package: str, version: str) -> None:
    requirements = (ROOT / "requirements.txt").read_text()
    assert re.search(rf"^{package}=={re.escape(version)}\b", requirements, re.MULTILINE)


def test_all_modules_of_kubernetes_have_one_version() -> None:
    text = (parts.HERE / "go" / "kubernetes" / "go.mod").read_text()
    staged = "v" + parts.KUBERNETES_VERSION.replace("1.", "0.", 1)
    replaced = re.findall(r"^\t(k8s\.io/\S+) => (\S+) (\S+)$", text, re.MULTILINE)
    assert replaced
    assert all(old == new and version == staged for old, new, version in replaced)


def required(part: str) -> dict[str, str]:
    """Return the versions of all modules in a part's go.mod."""
    text = (parts.HERE / "go" / part / "go.mod").read_text()
    return dict(re.findall(r"^\t([^\s=]+) (v\S+)(?: // indirect)?$", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("others", "different"),
    [
        # A client of etcd, which the provider does not use.
        (("kubernetes", "provider-kubernetes"), {"go.etcd.io/etcd/api/v3"}),
        # Pulumi and the Terraform bridge need versions with different APIs.
        (("pulumi", "provider-random", "provider-tls"), {"github.com/olekukonko/tablewriter"}),
    ],
)
def test_parts_that_share_packages_require_equal_versions(others: tuple[str, ...], different: set[str]) -> None:
    versions: dict[str, set[str]] = {}
    for part in others:
        for module, version in required(part).items():
            versions.setdefault(module, set()).add(version)
    assert len(versions) > 100
    assert {module for module, found in versions.items() if len(found) > 1} == different


@pytest.mark.parametrize("part", GO_PARTS, ids=lambda part: part.name)
def test_every_go_part_is_pinned_by_checksums(part: GoPart) -> None:
    assert (part.module / "go.sum").stat().st_size > 0


def test_an_unknown_name_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(ToolchainError, match=r"'kubernets'.*kubernetes"):
        parts.named("kubernets")
    with pytest.raises(ToolchainError, match=r"'kubeclt'.*kubectl"):
        parts.maker("kubeclt")
