"""A resource's properties as policies see them: plain JSON, with marks for what is not known yet and what is secret."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, cast


class Unknown(Enum):
    """The type of UNKNOWN."""

    UNKNOWN = "not known before the update"


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that only the update will make: policies let it pass."""


@dataclass(frozen=True)
class Secret:
    """A value that Pulumi keeps as a secret; it may be UNKNOWN."""

    value: Any = field(repr=False)


def plain(value: Any) -> Any:
    """A value without the mark that it is secret."""
    return value.value if isinstance(value, Secret) else value


def mapping(value: Any) -> Mapping[str, Any]:
    """A value that should be an object; empty where it is none."""
    value = plain(value)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """A value that should be a list; empty where it is none."""
    value = plain(value)
    return cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()


def dig(value: Any, *path: str) -> Any:
    """The value at a path of keys: None where there is none, UNKNOWN where it or what it is in is not known."""
    for key in path:
        value = plain(value)
        if value is UNKNOWN:
            return UNKNOWN
        value = mapping(value).get(key)
    return plain(value)


def texts(value: Any, *path: str) -> Sequence[str]:
    """The texts of a list at a path; what is not known, or no text, is left out."""
    return [text for text in map(plain, sequence(dig(value, *path))) if isinstance(text, str)]


@dataclass(frozen=True)
class Leaf:
    """A value that is neither an object nor a list, where it is, and whether Pulumi keeps it as a secret."""

    path: str
    value: Any = field(repr=False)
    secret: bool


def joined(path: str, key: str) -> str:
    """The path of a key of the object at a path, as the engine writes it."""
    if not path:
        return key
    return f"{path}.{key}" if key.replace("_", "").isalnum() else f'{path}["{key}"]'


def last_key(path: str) -> str:
    """The last key of a path, whatever the place in a list after it: `key` of `data["key"]` and of `spec.key[0]`."""
    match = re.search(r'(?:\["([^"]*)"\]|([^.\[\]]+))(?:\[\d+\])*$', path)
    return (match[1] or match[2]) if match else path


def leaves(value: Any, path: str = "", *, secret: bool = False) -> Iterator[Leaf]:
    """All leaves of a value, with paths such as `data["server.json"]` and `spec.containers[0].image`."""
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
