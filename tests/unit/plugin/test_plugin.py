"""The plugin: its schema has the settings and outputs, and its arguments are validated as settings."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.settings import Settings, SettingsError
from plugin.arguments import settings_from
from plugin.provider import ConsulProvider
from plugin.schema import TYPE, package_schema
from tests.support.graph import development

ROOT = Path(__file__).parents[3]
EXAMPLE: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "yaml" / "Pulumi.yaml").read_text())
ARGUMENTS: dict[str, Any] = {"environment": "development", "storageNodes": ["node-1", "node-2", "node-3"]}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return package_schema()


def test_the_arguments_are_the_settings_with_their_documentation(schema: dict[str, Any]) -> None:
    arguments = schema["resources"][TYPE]["inputProperties"]
    assert list(arguments) == [entry.key for entry in Settings.entries()]
    for entry in Settings.entries():
        description = arguments[entry.key]["description"]
        assert description.startswith(f"{entry.setting.purpose}. Allowed: {entry.setting.allowed}.")
        assert ("Default: " in description) is not entry.required
    assert schema["resources"][TYPE]["requiredInputs"] == ["environment"]
    assert arguments["storageNodes"]["description"].endswith("Default: `[]`.")


def test_name_and_description_are_those_of_the_project(schema: dict[str, Any]) -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert (schema["name"], schema["description"]) == (project["name"], project["description"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("environment", {"type": "string"}),
        ("serverReplicas", {"type": "integer"}),
        ("ingressEnabled", {"type": "boolean"}),
        ("storageNodes", {"type": "array", "items": {"type": "string", "plain": True}}),
        ("serverResources", {"$ref": "#/types/consul-cluster:index:Resources"}),
    ],
)
def test_an_argument_has_the_type_of_the_setting(schema: dict[str, Any], name: str, expected: dict[str, Any]) -> None:
    argument = dict(schema["resources"][TYPE]["inputProperties"][name])
    del argument["description"]
    assert argument == expected | {"plain": True}


def test_every_output_is_described(schema: dict[str, Any]) -> None:
    assert all("description" in output for output in schema["resources"][TYPE]["properties"].values())


def test_every_referenced_type_is_defined(schema: dict[str, Any]) -> None:
    referred = set(re.findall(r"'#/types/([^']+)'", repr(schema)))
    assert referred == set(schema["types"])


def test_arguments_become_settings() -> None:
    """The engine sends integers as floats, inside lists and objects too."""
    resources = {"requests": {"cpu": 1.0}, "limits": {"memory": "1Gi"}}
    settings = settings_from(ARGUMENTS | {"serverReplicas": 3.0, "serverResources": resources, "ingressEnabled": False})
    assert settings == development(
        server_resources={"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    )


@pytest.mark.parametrize(
    ("argument", "value", "shown"),
    [
        ("serverReplicas", 4.0, "4"),
        ("clientReplicas", 2.5, "2.5"),
        ("replicas", 3.0, '"3"'),
        ("environment", None, "(not set)"),
        ("serverResources", {"limits": {"cpu": "1x"}}, '{"limits": {"cpu": "1x"}}'),
    ],
)
def test_an_invalid_argument_gives_the_error_of_the_setting(argument: str, value: Any, shown: str) -> None:
    arguments = {key: each for key, each in (ARGUMENTS | {argument: value}).items() if each is not None}
    with pytest.raises(pulumi.InputPropertiesError, match="cannot be used") as raised:
        ConsulProvider().construct("consul", TYPE, arguments)
    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"consul-cluster:{argument} = {shown} cannot be used; allowed: ")


def test_an_argument_cannot_be_an_output() -> None:
    async def parse() -> None:
        secret = pulumi.Output.secret("text")
        await secret.future()
        settings_from(ARGUMENTS | {"namespace": secret, "storageNodes": ["node-1", secret]})

    with pytest.raises(SettingsError, match="a plain value") as raised:
        asyncio.run(parse())
    assert [problem.key for problem in raised.value.problems] == ["storageNodes", "namespace"]


def test_another_resource_type_is_refused() -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="consul-cluster:index:Consul is not a resource type"):
        ConsulProvider().construct("consul", "consul-cluster:index:Consul", ARGUMENTS)


def test_the_example_fits_the_schema(schema: dict[str, Any]) -> None:
    resource = schema["resources"][TYPE]
    (used,) = [each["properties"] for each in EXAMPLE["resources"].values()]
    assert set(resource["requiredInputs"]) <= set(used) <= set(resource["inputProperties"])
    assert settings_from(used)
    outputs = re.findall(r"\$\{consul\.(\w+)\}", repr(EXAMPLE["outputs"]))
    assert len(outputs) == len(EXAMPLE["outputs"])
    assert set(outputs) <= set(resource["properties"])


def test_the_requirements_are_the_imported_packages_in_tested_versions() -> None:
    sources = [path.read_text() for folder in ("components", "plugin") for path in (ROOT / folder).rglob("*.py")]
    modules = {name for source in sources for name in re.findall(r"^\s*(?:import|from) (\w+)", source, re.MULTILINE)}
    imported = {name.replace("_", "-") for name in modules - sys.stdlib_module_names - {"components", "plugin"}}
    requirements = (ROOT / "plugin" / "requirements.txt").read_text().splitlines()[1:]
    assert {name.partition("==")[0].replace("pyyaml", "yaml") for name in requirements} == imported
    assert set(requirements) <= set((ROOT / "requirements.in").read_text().splitlines())
