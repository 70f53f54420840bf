"""The properties of resources: JSON values, in which unknown values and secrets are marked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, cast


class Unknown(Enum):
    """The type of UNKNOWN."""

    UNKNOWN = "not known before the update"


UNKNOWN: Final = Unknown.UNKNOWN
"""The mark of a value that only the update will know. It is never a violation."""


@dataclass(frozen=True)
class Secret:
    """The mark of a value that is a Pulumi secret. The value may be UNKNOWN."""

    value: Any = field(repr=False)


def plain(value: Any) -> Any:
    """Return a value without the mark of a secret."""
    return value.value if isinstance(value, Secret) else value


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a value that should be an object; an empty one if it is not."""
    value = plain(value)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """Return a value that should be a list; an empty one if it is not."""
    value = plain(value)
    return cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()


def dig(value: Any, *path: str) -> Any:
    """Return the value at a path of keys: None if there is none, UNKNOWN if it or an object around it is unknown."""
    for key in path:
        value = plain(value)
        if value is UNKNOWN:
            return UNKNOWN
        value = mapping(value).get(key)
    return plain(value)


def strings(value: Any, *path: str) -> Sequence[str]:
    """Return the strings of the list at a path. Unknown values and other types are left out."""
    return [item for item in map(plain, sequence(dig(value, *path))) if isinstance(item, str)]


@dataclass(frozen=True)
class Leaf:
    """A value that is neither an object nor a list, its path, and whether it is a Pulumi secret."""

    path: str
    value: Any = field(repr=False)
    secret: bool


def joined(path: str, key: str) -> str:
    """Return the path of a key in the object at `path`, in the engine's notation."""
    if not path:
        return key
    return f"{path}.{key}" if key.replace("_", "").isalnum() else f'{path}["{key}"]'


def last_key(path: str) -> str:
    """Return the last key of a path, without list indexes: `key` for `data["key"]` and for `spec.key[0]`."""
    match = re.search(r'(?:\["([^"]*)"\]|([^.\[\]]+))(?:\[\d+\])*$', path)
    return (match[1] or match[2]) if match else path


def leaves(value: Any, path: str = "", *, secret: bool = False) -> Iterator[Leaf]:
    """Yield all leaves of a value, with paths such as `data["server.json"]` and `spec.containers[0].image`."""
    if isinstance(value, Secret):
        yield from leaves(value.value, path, secret=True)
    elif isinstance(value, Mapping):
        for key, item in mapping(value).items():
            yield from leaves(item, joined(path, key), secret=secret)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(sequence(value)):
            yield from leaves(item, f"{path}[{index}]", secret=secret)
    else:
        yield Leaf(path, value, secret)
