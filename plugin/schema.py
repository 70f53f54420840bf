"""The package's schema, generated from the settings (the arguments) and the component's outputs."""

import json
from inspect import cleandoc
from typing import Any

from components.consul_cluster import ConsulCluster
from components.identity import COMPONENT_TYPE, PROJECT
from components.outputs import OutputSpec, output_specs
from components.settings import Entry, Settings

Schema = dict[str, Any]

TYPE = COMPONENT_TYPE

VERSION = "0.0.0"
"""A placeholder: the engine takes the version from the git reference with which a program adds the plugin."""

DESCRIPTION = "A HashiCorp Consul cluster on Kubernetes"

_LANGUAGES = ("csharp", "go", "java", "nodejs", "python")

_OUTPUT_TYPES: dict[str, Schema] = {
    "string": {"type": "string"},
    "list of strings": {"type": "array", "items": {"type": "string"}},
    "map of strings": {"type": "object", "additionalProperties": {"type": "string"}},
}


def package_schema() -> Schema:
    """Return the package's schema, in the format of
    https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/.
    """
    settings = Settings.model_json_schema()
    outputs = output_specs()
    return {
        "name": PROJECT,
        "version": VERSION,
        "description": DESCRIPTION,
        "types": {_token(name): _object(model) for name, model in settings["$defs"].items()},
        "resources": {
            TYPE: {
                "isComponent": True,
                "description": cleandoc(ConsulCluster.__doc__ or ""),
                "inputProperties": {
                    entry.key: _property(settings["properties"][entry.key]) | {"description": _description(entry)}
                    for entry in Settings.entries()
                },
                "requiredInputs": settings["required"],
                "properties": {output.name: _output(output) for output in outputs},
                "required": [output.name for output in outputs if not output.nullable],
            }
        },
        "language": {language: {"respectSchemaVersion": True} for language in _LANGUAGES},
    }


def _token(name: str) -> str:
    return f"{PROJECT}:index:{name}"


def _object(model: Schema) -> Schema:
    """Return an object type of the package, from pydantic's JSON schema of a model."""
    return {
        "type": "object",
        "description": model["description"],
        "properties": {name: _property(spec) for name, spec in model["properties"].items()},
        "required": model.get("required", []),
    }


def _property(spec: Schema) -> Schema:
    """Return the Pulumi type for a JSON schema.

    It is `plain`, because settings are validated before any resource's output is known.
    """
    if "anyOf" in spec:
        (spec,) = [each for each in spec["anyOf"] if each != {"type": "null"}]
    if "$ref" in spec:
        return {"$ref": f"#/types/{_token(spec['$ref'].rpartition('/')[2])}", "plain": True}
    elements = {key: _property(spec[key]) for key in ("items", "additionalProperties") if key in spec}
    return {"type": spec["type"], "plain": True, **elements}


def _description(entry: Entry) -> str:
    """Return a setting's purpose, its allowed values and its default."""
    described = f"{entry.setting.purpose}. Allowed: {entry.setting.allowed}."
    return described if entry.required else f"{described} Default: `{json.dumps(entry.default_value())}`."


def _output(output: OutputSpec) -> Schema:
    return {"description": output.description, **_OUTPUT_TYPES[output.type]}
