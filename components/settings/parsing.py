"""Decode the values of a stack's configuration, which are text, and report invalid ones by key. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from components.settings.problems import Problem, SettingsError


def decode(field: FieldInfo | None, text: str) -> Any:
    """Return the value of a setting: the text itself if the setting is a string, otherwise the text decoded from JSON.

    Return text that is not JSON unchanged; validation then reports it.
    """
    if field is None or isinstance(field.default, str) or field.is_required():
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def problems_of(error: ValidationError, values: Mapping[str, Any], allowed: Mapping[str, str]) -> list[Problem]:
    """Return the problems that pydantic found, at most one for each key; `allowed` has the allowed values by key."""
    problems: dict[str, Problem] = {}
    for detail in error.errors():
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, SettingsError):
            return cause.problems
        key = str(detail["loc"][0])
        text = allowed.get(key, f"one of the keys {', '.join(sorted(allowed))}")
        problems.setdefault(key, Problem(key, values.get(key), text))
    return list(problems.values())
