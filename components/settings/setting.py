"""How a setting is documented: its purpose, the values allowed, and what a later change does. Pure."""

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
    restarts_servers: bool = False
    """Whether a change that is allowed may restart the servers."""


@dataclass(frozen=True)
class Setting:
    """The documentation of a setting, beside the setting's type and default in the table."""

    purpose: str
    """What the setting is for, without a full stop."""
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
    """The field's default; meaningless if the setting is required."""

    def default_value(self) -> Any:
        """Return the default as a JSON value, with camelCase keys and without amounts that are not set."""
        return TypeAdapter(Any).dump_python(self.default, mode="json", by_alias=True, exclude_none=True)


IN_PLACE = Change("in place")


def rolling(effect: str) -> Change:
    """Return a change that restarts the servers one by one, at least in some cases."""
    return Change(effect, restarts_servers=True)


ROLLING_UPDATE = rolling("rolling update")


def guarded(effect: str, *, restarts_servers: bool = False) -> Change:
    """Return a change that is refused in some cases, by a rule in components.changes.refusals."""
    return Change(effect, recorded=True, restarts_servers=restarts_servers)


def refused(reason: str) -> Change:
    """Return a change that is always refused; `reason` says why a running cluster would not survive it."""
    return Change("refused", recorded=True, refused_because=reason)


def key_generations(purpose: str, effect: str) -> Setting:
    """Return the documentation of a setting that lists the generations of a key. Every agent has all of them."""
    return _generations(
        purpose,
        f"{effect}; one step at a time: `[1]`, `[1, 2]`, `[2, 1]`, `[2]`; refused if the previous list does not have "
        "the new first number, or the new list does not have the previous one",
    )


def token_generations(tokens: str, effect: str = "in place, restarts no pod") -> Setting:
    """Return the documentation of a setting that lists the generations of ACL tokens. All of them are valid."""
    return _generations(
        f"The generations of {tokens}, the one in use first. The tokens of all listed generations are valid",
        f"{effect}; one step at a time: `[1]`, `[2, 1]`, `[2]`; refused if the new list does not have the previous "
        "first number",
    )


def _generations(purpose: str, effect: str) -> Setting:
    return Setting(purpose, "a list of one or two different numbers from 1 to 999999", guarded(effect))
