"""Kubernetes' own description of its objects, as the strict JSON schemas that kubeconform reads: one file a kind.

A schema knows its fields and no others, so that a misspelt one is found; as for the API server, null stands for absent.
Each file is whole: it holds the definitions that it refers to.
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
    """Yield the schema of every kind, under the name by which kubeconform asks for it."""
    strict = {name: _strict(schema) for name, schema in definitions.items()}
    # What a person may write as a number, or as text.
    strict[_QUANTITY] = {"type": ["string", "number", "null"]}
    for name, schema in definitions.items():
        if len(kinds := schema.get(_KINDS, ())) != 1:
            continue  # such as DeleteOptions, which every group has
        group, version, kind = (kinds[0][field] for field in ("group", "version", "kind"))
        for field, value in {"kind": kind, "apiVersion": f"{group}/{version}" if group else version}.items():
            strict[name].get("properties", {}).get(field, {})["enum"] = [value]
        file = "-".join(part.lower() for part in (kind, group.split(".")[0], version) if part)
        needed = {each: strict[each] for each in _reachable(name, strict)}
        yield file, {"$ref": f"{_REFERENCE}{name}", "definitions": needed}


def _strict(schema: Schema, *, required: bool = False) -> dict[str, Any]:
    """Return a schema without its prose, that has its own fields only and takes null where nothing is required."""
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
    """Return the names of the definitions that the one of `name` refers to, itself included."""
    found = [name]
    for each in found:  # which grows
        found += dict.fromkeys(other for other in _references(definitions[each]) if other not in found)
    return found


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():  # pyright: ignore[reportUnknownVariableType]
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(_REFERENCE)
            else:
                yield from _references(value)  # pyright: ignore[reportUnknownArgumentType]
