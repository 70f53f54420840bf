"""The plugin on the real engine, without a cluster: the component from other projects and languages."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.schema import package_schema
from tests.support.manifests import planned, settings_of
from tests.support.outputs import broken_promises, contract
from tests.support.settings import DEVELOPMENT
from tests.support.stack import PROJECT_DIR, WITHOUT_CLUSTER, Stack
from tools import toolchain

PLUGIN = PROJECT_DIR / "plugin"
YAML = PROJECT_DIR / "examples" / "yaml"
TYPE = "consul-cluster:index:ConsulCluster"

# A program that requests the type from the engine, as a generated SDK does. The engine finds the plugin.
PROGRAM = f"""
import json, pathlib, pulumi
arguments = json.loads(pathlib.Path("arguments.json").read_text())
outputs = {sorted(contract())}
cluster = pulumi.ComponentResource("{TYPE}", "consul", dict.fromkeys(outputs) | arguments, remote=True)
for name in outputs:
    pulumi.export(name, getattr(cluster, name))
"""


class Consumer(Stack):
    """A stack of another project that uses the plugin. Its Python environment has Pulumi, but not this repository."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.environment["VIRTUAL_ENV"] = sys.prefix

    def arguments(self, arguments: dict[str, Any]) -> None:
        """Replace the arguments of the program."""
        (self.project / "arguments.json").write_text(json.dumps(arguments))

    def package(self, *arguments: str | Path) -> str:
        """Run `pulumi package`, which needs no stack, and return what it prints."""
        return self._run("package", *map(str, arguments), cwd=self.project, timeout=300).stdout


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    """Return the stack of a Python program with development settings."""
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "__main__.py").write_text(PROGRAM)
    project = {"name": "consumer", "runtime": "python", "packages": {"consul-cluster": str(PLUGIN)}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    consumer = Consumer(tmp_path / "stack", project=folder)
    consumer.arguments(DEVELOPMENT)
    return consumer


@pytest.fixture
def example(tmp_path: Path) -> Consumer:
    """Return the stack of a copy of examples/yaml, which a test may change."""
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text((YAML / "Pulumi.yaml").read_text().replace("../../plugin", str(PLUGIN)))
    example = Consumer(tmp_path / "stack", project=folder)
    path = example.environment["PATH"]
    if not shutil.which("pulumi-language-yaml", path=path):
        example.environment["PATH"] = f"{path}{os.pathsep}{toolchain.binary('pulumi-language-yaml').parent}"
    return example


def used() -> dict[str, Any]:
    """Return the settings in examples/yaml."""
    (resource,) = yaml.safe_load((YAML / "Pulumi.yaml").read_text())["resources"].values()
    return resource["properties"]


def children(stack: Stack) -> list[str]:
    """Return the resources that a preview creates inside the component."""
    names = [name for name in planned(stack) if not name.startswith("urn:")]
    assert "kubernetes:apps/v1:StatefulSet::consul" in names
    return names


def errors(stack: Stack) -> list[str]:
    """Return the error lines of a preview that must fail before it registers a resource."""
    before = stack.deployment()
    result = stack.pulumi("preview", check=False)
    assert result.returncode != 0
    printed = result.stdout + result.stderr
    # In a Python program, Pulumi's SDK adds a traceback of its own. None may be of the plugin.
    assert str(PLUGIN) not in printed
    assert "consul-gossip" not in printed
    assert stack.deployment() == before
    return [line.strip() for line in printed.partition("Diagnostics:")[2].splitlines() if "consul-cluster:" in line]


def test_the_engine_reads_the_schema_with_its_documentation(consumer: Consumer) -> None:
    resource = json.loads(consumer.package("get-schema", PLUGIN))["resources"][TYPE]
    ours = package_schema()["resources"][TYPE]
    assert resource["isComponent"]
    for part in ("inputProperties", "properties"):
        read, written = (
            {name: (spec.get("type"), spec.get("description")) for name, spec in schema[part].items()}
            for schema in (resource, ours)
        )
        assert read == written
    assert all(argument["description"] for argument in resource["inputProperties"].values())


def test_another_program_creates_the_same_resources_as_the_stack(stack: Stack, consumer: Consumer) -> None:
    assert children(consumer) == children(stack)
    printed = consumer.preview()
    assert "warning" not in printed
    assert "error" not in printed


def test_secrets_stay_secret(consumer: Consumer) -> None:
    consumer.up(*WITHOUT_CLUSTER)
    by_type = {resource["type"]: resource for resource in consumer.deployment()}
    for resource in (by_type[TYPE], by_type["pulumi:pulumi:Stack"]):
        found = broken_promises(resource["outputs"])
        assert found == []


@pytest.mark.parametrize(
    "bad",
    [
        {"serverReplicas": (4, "4 cannot be used; allowed: an odd number")},
        {
            "replicas": (3, '"3" cannot be used; allowed: one of the keys'),
            "environment": (None, "(not set) cannot be used; allowed: development or"),
            "serverResources": ({"limits": {"cpu": "1x"}}, "{"),
        },
    ],
    ids=["one", "many"],
)
def test_each_invalid_argument_is_one_line_and_registers_nothing(
    consumer: Consumer, bad: dict[str, tuple[Any, str]]
) -> None:
    consumer.arguments(DEVELOPMENT | {key: value for key, (value, _) in bad.items()})
    lines = errors(consumer)
    for key, (_, expected) in bad.items():
        assert sum(f"consul-cluster:{key} = {expected}" in line for line in lines) == 1, f"{key} is not in {lines}"
    assert len(lines) == len(bad)


def test_a_dangerous_change_is_refused(consumer: Consumer) -> None:
    consumer.up(*WITHOUT_CLUSTER)
    consumer.mark_healthy()
    consumer.arguments(DEVELOPMENT | {"datacenter": "elsewhere"})
    assert 'consul-cluster:datacenter cannot change from "dc1" to "elsewhere"' in consumer.preview(check=False)


def test_yaml_creates_the_same_resources_as_the_stack(stack: Stack, example: Consumer) -> None:
    stack.configure(used())
    assert children(example) == children(stack)


def test_yaml_can_run_together_with_the_stack_dev() -> None:
    theirs = used()
    ours = settings_of("dev")
    assert theirs["namespace"] != ours.pop("namespace", "consul")
    assert theirs["ingressHost"] != ours.pop("ingressHost")
    assert ours.items() <= theirs.items()


def test_a_yaml_project_adds_the_package(example: Consumer) -> None:
    program = example.project / "Pulumi.yaml"
    program.write_text("name: another\nruntime: yaml\n")
    example.package("add", PLUGIN)
    assert yaml.safe_load(program.read_text())["packages"] == {"consul-cluster": str(PLUGIN)}


def test_yaml_reports_an_invalid_setting(example: Consumer) -> None:
    program = example.project / "Pulumi.yaml"
    good = program.read_text()
    program.write_text(good.replace("serverReplicas: 3", "serverReplicas: 4"))
    (line,) = errors(example)
    assert "consul-cluster:serverReplicas = 4 cannot be used" in line
    assert "Traceback" not in example.preview(check=False)
    # The language host itself reports an argument that is not in the schema, with its line in the program.
    program.write_text(good.replace("serverReplicas: 3", "replicas: 3"))
    assert "replicas does not exist" in example.preview(check=False)


def test_yaml_cannot_use_an_output_as_a_setting(example: Consumer) -> None:
    program = example.project / "Pulumi.yaml"
    written: dict[str, Any] = yaml.safe_load(program.read_text())
    written["resources"]["name"] = {"type": "random:RandomId", "properties": {"byteLength": 2}}
    written["resources"]["consul"]["properties"]["namespace"] = "consul-${name.hex}"
    program.write_text(yaml.safe_dump(written))
    (line,) = errors(example)
    assert "consul-cluster:namespace" in line
    assert "a plain value" in line


def test_a_clone_installs_its_requirements(tmp_path: Path, consumer: Consumer) -> None:
    """With a git reference, the engine has a clone of the repository without a virtualenv."""
    for name in ("components", "plugin"):
        shutil.copytree(PROJECT_DIR / name, tmp_path / "clone" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT_DIR / "Pulumi.yaml", tmp_path / "clone")
    schema = json.loads(consumer.package("get-schema", tmp_path / "clone" / "plugin"))
    assert TYPE in schema["resources"]
    assert (tmp_path / "clone" / ".venv" / "bin" / "python").exists()
