"""Parse a stack's configuration, whose values are text, and report invalid ones by key. Pure."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Self

from pydantic import PrivateAttr, ValidationError
from pydantic.fields import FieldInfo

from components.settings.problems import HIDDEN, Problem, SettingsError
from components.settings.setting import Entry, Setting
from components.settings.value_types import SettingsModel


class ParsedSettings(SettingsModel):
    """Settings that are parsed from a stack's configuration; subclasses have the table of settings as fields."""

    _secret_keys: frozenset[str] = PrivateAttr(frozenset())

    @classmethod
    def entries(cls) -> list[Entry]:
        """Return the table's rows, in the order of the fields."""
        return [
            Entry(name, field.alias or name, setting, field.is_required(), field.default)
            for name, field in cls.model_fields.items()
            for setting in field.metadata
            if isinstance(setting, Setting)
        ]

    @property
    def secrets(self) -> dict[str, Any]:
        """Return the settings that are secrets in the stack's configuration: JSON values, by key."""
        values = self.model_dump(mode="json", by_alias=True)
        return {key: values[key] for key in sorted(self._secret_keys)}

    @classmethod
    def parse(cls, config: Mapping[str, str], secret_keys: Collection[str] = ()) -> Self:
        """Return the settings in a stack's configuration: keys are camelCase, and Pulumi passes every value as text.

        `secret_keys` are the keys of the values that are secrets: no error contains one.

        Raises SettingsError, which names every key whose value cannot be used.
        """
        values = _decoded(config, cls.model_fields)
        try:
            settings = cls.model_validate_json(json.dumps(values), by_name=False)
        except ValidationError as error:
            raise SettingsError(_problems(error, values, cls.entries(), secret_keys)) from None
        settings._secret_keys = frozenset(secret_keys)
        return settings


def _decoded(config: Mapping[str, str], fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """Return the values of a configuration: of a string setting the text, otherwise the text decoded from JSON.

    Text that is not JSON stays unchanged; validation then reports it.
    """
    by_key = {field.alias: field for field in fields.values()}
    return {key: _decode(by_key.get(key), text) for key, text in config.items()}


def _decode(field: FieldInfo | None, text: str) -> Any:
    if field is None or isinstance(field.default, str) or field.is_required():
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _problems(
    error: ValidationError, values: Mapping[str, Any], entries: Iterable[Entry], secret_keys: Collection[str]
) -> list[Problem]:
    """Return the problems that pydantic found, at most one for each key, without the values of secrets."""
    allowed = {entry.key: entry.setting.allowed for entry in entries}
    problems: dict[str, Problem] = {}
    for detail in error.errors():
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, SettingsError):
            problems = {problem.key: problem for problem in cause.problems}
            break
        key = str(detail["loc"][0])
        text = allowed.get(key, f"one of the keys {', '.join(sorted(allowed))}")
        problems.setdefault(key, Problem(key, values.get(key), text))
    return [problem._replace(value=HIDDEN) if problem.key in secret_keys else problem for problem in problems.values()]
