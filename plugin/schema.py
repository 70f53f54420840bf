"""The package's schema: the settings are the arguments, the component's annotations the outputs."""

import json
from inspect import cleandoc
from pathlib import Path
from typing import Any

import yaml
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.schema import Property, remove_none

from components.consul_cluster import ConsulCluster
from components.settings import PROJECT, Settings

Schema = dict[str, Any]

TYPE = f"{PROJECT}:index:ConsulCluster"

VERSION = "0.0.0"
"""The engine knows better where a git reference names a version."""

_LANGUAGES = ("csharp", "go", "java", "nodejs", "python")


def package_schema() -> Schema:
    """https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/."""
    settings = Settings.model_json_schema()
    outputs, _ = Analyzer(PROJECT).analyze_type(ConsulCluster, is_component_output=True)
    project: Schema = yaml.safe_load((Path(__file__).parent.parent / "Pulumi.yaml").read_text())
    return {
        "name": PROJECT,
        "version": VERSION,
        "description": project["description"],
        "types": {_token(name): _object(model) for name, model in settings["$defs"].items()},
        "resources": {
            TYPE: {
                "isComponent": True,
                "description": cleandoc(ConsulCluster.__doc__ or ""),
                "inputProperties": {
                    name: _property(spec) | {"description": _description(spec, project["config"][name])}
                    for name, spec in settings["properties"].items()
                },
                "requiredInputs": settings["required"],
                "properties": {
                    name: remove_none(Property.from_definition(output).to_json()) for name, output in outputs.items()
                },
                "required": [name for name, output in outputs.items() if not output.optional],
            }
        },
        "language": {language: {"respectSchemaVersion": True} for language in _LANGUAGES},
    }


def _token(name: str) -> str:
    return f"{PROJECT}:index:{name}"


def _object(model: Schema) -> Schema:
    """A type of the package, from pydantic's JSON schema of a model."""
    return {
        "type": "object",
        "description": model["description"],
        "properties": {name: _property(spec) for name, spec in model["properties"].items()},
        "required": model.get("required", []),
    }


def _property(spec: Schema) -> Schema:
    """A type as Pulumi has it; plain, since settings are checked before an output of a new resource is known."""
    if "anyOf" in spec:
        (spec,) = [each for each in spec["anyOf"] if each != {"type": "null"}]
    if "$ref" in spec:
        return {"$ref": f"#/types/{_token(spec['$ref'].rpartition('/')[2])}", "plain": True}
    elements = {key: _property(spec[key]) for key in ("items", "additionalProperties") if key in spec}
    return {"type": spec["type"], "plain": True, **elements}


def _description(spec: Schema, config: Schema) -> str:
    """What a setting is, what it may be, and what it is where nothing is said."""
    said = f"{config['description']}. Allowed: {spec['description']}."
    return said + (f" Default: `{json.dumps(config['default'])}`." if "default" in config else "")
