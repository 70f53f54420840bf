"""The component's arguments, as the engine hands them over, to Settings."""

import json
from typing import Any, cast

import pulumi

from components.settings import Problem, Settings, SettingsError

_PLAIN = "a plain value: not a secret, and not another resource's output"


def settings_from(inputs: pulumi.Inputs) -> Settings:
    """Settings from arguments by camelCase name; raises SettingsError, which names every argument that cannot be used.

    They are checked before the first resource is registered, so their values have to be there by then.
    """
    problems = [Problem(key, "(an output)", _PLAIN) for key, value in inputs.items() if _holds_output(value)]
    if problems:
        raise SettingsError(problems)
    return Settings.parse({key: _text(value) for key, value in inputs.items()})


def _holds_output(value: object) -> bool:
    """Whether a value is, or somewhere has, one that is a secret or known later only."""
    if isinstance(value, dict):
        return any(_holds_output(each) for each in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(_holds_output(each) for each in cast("list[object]", value))
    return isinstance(value, pulumi.Output) or value == pulumi.runtime.rpc.UNKNOWN


def _text(value: Any) -> str:
    """A value as a stack's configuration has it."""
    return value if isinstance(value, str) else json.dumps(_with_integers(value))


def _with_integers(value: Any) -> Any:
    """The wire knows floats only."""
    if isinstance(value, dict):
        return {key: _with_integers(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_with_integers(each) for each in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
