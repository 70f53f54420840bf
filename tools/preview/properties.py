"""The differences between a resource's properties, without secrets."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from policy.consul_policies.plain_text import argument_gives_away, gives_away
from policy.consul_policies.values import Secret, joined

SECRET = "[secret]"  # noqa: S105 - as Pulumi prints it
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_MISSING = object()

# Longer values and texts are cut off.
_MAX_CHARACTERS = 100
_MAX_LINES = 30


@dataclass(frozen=True)
class Difference:
    """A property that changes: removed and added lines, and whether the change replaces the resource."""

    path: str
    removed: Sequence[str]
    added: Sequence[str]
    replaces: bool = False


def differences(step: Mapping[str, Any]) -> Sequence[Difference]:
    """Return the properties that a step changes."""
    inputs = _state(step, "new", "inputs")
    before = {properties: _state(step, "old", properties) for properties in ("inputs", "outputs")}
    detailed: Mapping[str, Mapping[str, Any]] = step.get("detailedDiff") or {
        key: {"inputDiff": True} for key in _changed_keys(before["inputs"], inputs)
    }
    found: list[Difference] = []
    for path, how in sorted(detailed.items()):
        removed, added = _at(before["inputs" if how.get("inputDiff") else "outputs"], path), _at(inputs, path)
        if str(step["type"]).endswith((":Secret", ":SecretPatch")):
            removed, added = (value if value is _MISSING else SECRET for value in (removed, added))
        replaces = str(how.get("diffKind", "")).endswith("-replace") or path in (step.get("keys") or ())
        for inner, old, new in _inner(path, removed, added):
            found.append(Difference(inner, *_shown(old, new), replaces))
    return found


def _inner(path: str, removed: object, added: object) -> Iterator[tuple[str, object, object]]:
    """Yield path, old and new value of each difference. Two objects are compared field by field."""
    if isinstance(removed, Mapping) and isinstance(added, Mapping):
        old, new = cast("Mapping[str, Any]", removed), cast("Mapping[str, Any]", added)
        for key in _changed_keys(old, new):
            yield from _inner(joined(path, key), old.get(key, _MISSING), new.get(key, _MISSING))
    else:
        yield path, removed, added


def _state(step: Mapping[str, Any], side: str, properties: str) -> Mapping[str, Any]:
    """Return a resource's properties, with secrets marked: a neighboring field may show that a value is a secret."""
    state: Mapping[str, Any] = step.get(side) or {}
    return _marked_fields(state.get(properties) or {})


def _changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    return (key for key in {**old, **new} if not key.startswith("__") and old.get(key) != new.get(key))


def _at(properties: Any, path: str) -> object:
    """Return the value at a path in the engine's format: `spec.containers[0].image`, `data["server.json"]`."""
    value = properties
    for name, quoted, index in re.findall(r'([^.\[\]]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]', path):
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(name or quoted, _MISSING)
        elif isinstance(value, list) and index and int(index) < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[int(index)]
        else:
            return SECRET if value == SECRET else _MISSING
    return cast("object", value)


def _shown(removed: object, added: object) -> tuple[Sequence[str], Sequence[str]]:
    """Return removed and added lines. Of texts with several lines, return only the lines that differ."""
    if isinstance(removed, str) and isinstance(added, str) and "\n" in removed + added:
        lines = list(difflib.ndiff(removed.splitlines(), added.splitlines()))
        gone, new = ([line[2:] for line in lines if line.startswith(sign)] for sign in ("- ", "+ "))
        return _shortened(gone), _shortened(new)
    gone, new = ([] if side is _MISSING else [_text(side)] for side in (removed, added))
    return gone, new


def _shortened(lines: list[str]) -> list[str]:
    cut = [line if len(line) <= _MAX_CHARACTERS else line[:_MAX_CHARACTERS] + "…" for line in lines]
    return cut if len(cut) <= _MAX_LINES else [*cut[:_MAX_LINES], f"… {len(cut) - _MAX_LINES} more lines"]


def _text(value: Any) -> str:
    if value == _UNKNOWN:
        return "(known after the update)"
    text = json.dumps(value, ensure_ascii=False, default=lambda _: SECRET)
    return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + "…"


def _marked(name: str, value: Any) -> Any:
    """Return a value in which everything that the policies take for a secret is a Secret."""
    if isinstance(value, Mapping):
        return _marked_fields(cast("Mapping[str, Any]", value))
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [
            _marked_if(argument_gives_away(before, item), _marked(name, item))
            for before, item in zip(["", *items], items, strict=False)
        ]
    return _marked_if(gives_away(name, value), value)


def _marked_if(given_away: bool, value: Any) -> Any:
    """Return a string that is given away as a Secret; unknown values and marked secrets stay."""
    return Secret(value) if given_away and isinstance(value, str) and value not in (_UNKNOWN, SECRET) else value


def _marked_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return fields with secrets marked. In an environment variable, the name tells whether `value` is a secret."""
    return {
        key: _marked(str(fields.get("name", key)) if key == "value" else key, item)
        for key, item in fields.items()
        if not key.startswith("__")
    }
