"""Convert the component's arguments, as the engine passes them, to Settings."""

import json
from typing import Any, cast

import pulumi

from components.settings import Problem, Settings, SettingsError

_PLAIN = "a plain value: not a secret, and not an output of another resource"


def settings_from(inputs: pulumi.Inputs) -> Settings:
    """Return the Settings for arguments, which are named in camelCase.

    Raises SettingsError, which names every argument that cannot be used. Settings are validated before the first
    resource is registered, so an argument cannot be an output of another resource.
    """
    problems = [Problem(key, "(an output)", _PLAIN) for key, value in inputs.items() if _holds_output(value)]
    if problems:
        raise SettingsError(problems)
    return Settings.parse({key: _config_value(value) for key, value in inputs.items()})


def _holds_output(value: object) -> bool:
    """Return whether a value is or contains an output: a secret, or a value that is not known yet."""
    if isinstance(value, dict):
        return any(_holds_output(each) for each in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(_holds_output(each) for each in cast("list[object]", value))
    return isinstance(value, pulumi.Output) or value == pulumi.runtime.rpc.UNKNOWN


def _config_value(value: Any) -> str:
    """Return a value as a string, as in a stack's configuration: objects and lists as JSON."""
    return value if isinstance(value, str) else json.dumps(_with_integers(value))


def _with_integers(value: Any) -> Any:
    """Return a value with whole floats as integers: the engine sends every number as a float."""
    if isinstance(value, dict):
        return {key: _with_integers(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_with_integers(each) for each in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
