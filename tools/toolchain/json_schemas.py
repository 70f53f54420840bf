"""Strict JSON schemas for kubeconform, one file a kind, from Kubernetes' OpenAPI description.

Unknown fields are errors, so kubeconform finds misspelt ones. Null is allowed for an optional field, as in the API
server. Each file contains the definitions that it refers to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

from tools.toolchain import golang
from tools.toolchain.commands import run
from tools.toolchain.parts import HERE, SchemasPart
from tools.toolchain.progress import Task

Schema: TypeAlias = Mapping[str, Any]

_MODULE = "k8s.io/kubernetes"
_OPENAPI = "api/openapi-spec/swagger.json"
_REFERENCE = "#/definitions/"
_KINDS = "x-kubernetes-group-version-kind"
_KEPT = ("type", "format", "enum", "required", "$ref")
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


async def make(part: SchemasPart, to: Path, task: Task, log: IO[str]) -> None:
    """Write the schemas into `to`."""
    task.now("downloading Kubernetes")
    said: list[str] = []
    command = ["go", "mod", "download", "-json", _MODULE]
    await run(command, log, cwd=HERE / "go" / "kubernetes", env=golang.environment(), each=said.append)
    openapi = Path(json.loads("\n".join(said))["Dir"], _OPENAPI)
    task.now("writing")
    for name, schema in schemas(json.loads(openapi.read_bytes())["definitions"]):
        (to / f"{name}.json").write_text(json.dumps(schema, sort_keys=True))
        task.done += 1


def schemas(definitions: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """Yield each kind's schema with its file name in kubeconform's format."""
    strict = {name: _strict(schema) for name, schema in definitions.items()}
    # A quantity may be a number or a string.
    strict[_QUANTITY] = {"type": ["string", "number", "null"]}
    for name, schema in definitions.items():
        if len(kinds := schema.get(_KINDS, ())) != 1:
            continue  # a type of several groups, such as DeleteOptions
        group, version, kind = (kinds[0][field] for field in ("group", "version", "kind"))
        for field, value in {"kind": kind, "apiVersion": f"{group}/{version}" if group else version}.items():
            strict[name].get("properties", {}).get(field, {})["enum"] = [value]
        file = "-".join(part.lower() for part in (kind, group.split(".")[0], version) if part)
        needed = {each: strict[each] for each in _reachable(name, strict)}
        yield file, {"$ref": f"{_REFERENCE}{name}", "definitions": needed}


def _strict(schema: Schema, *, required: bool = False) -> dict[str, Any]:
    """Return a schema without descriptions that refuses unknown fields and, unless `required`, accepts null."""
    if schema.get("format") == "int-or-string":
        return {"type": ["string", "integer", "null"]}
    strict: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if "type" in schema and not required:
        strict["type"] = [schema["type"], "null"]
    for key in ("items", "additionalProperties"):
        if key in schema:
            strict[key] = _strict(schema[key], required=True)
    if "properties" in schema:
        musts = schema.get("required", ())
        properties: dict[str, Schema] = schema["properties"]
        strict["properties"] = {name: _strict(each, required=name in musts) for name, each in properties.items()}
        strict.setdefault("additionalProperties", False)
    return strict


def _reachable(name: str, definitions: Mapping[str, Schema]) -> list[str]:
    """Return `name` and the names of all definitions that it refers to, directly or not."""
    found = [name]
    for each in found:  # the list grows in the loop
        found += dict.fromkeys(other for other in _references(definitions[each]) if other not in found)
    return found


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():  # pyright: ignore[reportUnknownVariableType]
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(_REFERENCE)
            else:
                yield from _references(value)  # pyright: ignore[reportUnknownArgumentType]
