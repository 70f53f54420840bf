"""Convert the component's arguments, as the engine passes them, to Settings."""

import json
from typing import Any, cast

import pulumi

from components.settings import Problem, Settings, SettingsError

_PLAIN = "a plain value: not a secret, and not another resource's output"


def settings_from(inputs: pulumi.Inputs) -> Settings:
    """Return the settings of arguments by camelCase name.

    Raises SettingsError, which names every argument that cannot be used. Settings are validated before the first
    resource is registered, so an argument cannot be another resource's output.
    """
    problems = [Problem(key, "(an output)", _PLAIN) for key, value in inputs.items() if _holds_output(value)]
    if problems:
        raise SettingsError(problems)
    return Settings.parse({key: _text(value) for key, value in inputs.items()})


def _holds_output(value: object) -> bool:
    """Return whether a value is or contains a secret, or an output that is not known yet."""
    if isinstance(value, dict):
        return any(_holds_output(each) for each in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(_holds_output(each) for each in cast("list[object]", value))
    return isinstance(value, pulumi.Output) or value == pulumi.runtime.rpc.UNKNOWN


def _text(value: Any) -> str:
    """Return a value as the text that a stack's configuration has."""
    return value if isinstance(value, str) else json.dumps(_with_integers(value))


def _with_integers(value: Any) -> Any:
    """Return a value with whole floats as integers: the engine's protocol has floats only."""
    if isinstance(value, dict):
        return {key: _with_integers(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_with_integers(each) for each in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
