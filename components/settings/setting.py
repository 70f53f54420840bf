"""What a setting says about itself, once: its purpose, the values allowed, and what a later change does. Pure."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import TypeAdapter


@dataclass(frozen=True)
class Change:
    """What changing a setting does to a running cluster."""

    effect: str
    """The effect, as the documentation states it."""
    recorded: bool = False
    """Whether the stack's state keeps the value, so that components.changes can compare the old with the new one."""
    refused_because: str = ""
    """Why every change is refused; empty if a change may be allowed."""


@dataclass(frozen=True)
class Setting:
    """The documentation of a setting; the table has it next to the type and the default."""

    purpose: str
    """What it is, without a full stop."""
    allowed: str
    """The values allowed; error messages end with it."""
    change: Change


class Entry(NamedTuple):
    """A row of the table."""

    name: str
    """The field's name, such as `server_replicas`."""
    key: str
    """The key in a stack's configuration, such as `serverReplicas`."""
    setting: Setting
    required: bool
    default: Any
    """The default, as the field has it; meaningless if the setting is required."""

    def default_value(self) -> Any:
        """Return the default as JSON has it: camelCase keys, lists for tuples, nothing for what is not set."""
        return TypeAdapter(Any).dump_python(self.default, mode="json", by_alias=True, exclude_none=True)


IN_PLACE = Change("in place")
ROLLING_UPDATE = Change("rolling update")


def guarded(effect: str) -> Change:
    """Return a change that is refused in some cases: components.changes.refusals has a rule for this setting."""
    return Change(effect, recorded=True)


def refused(reason: str) -> Change:
    """Return a change that is always refused, and why a running cluster would not survive it."""
    return Change("refused", recorded=True, refused_because=reason)
