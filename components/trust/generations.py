"""Keys that have generations: a new generation of a key replaces the old one step by step. Pure."""

from collections.abc import Mapping
from typing import Any

CA_KEYS = "caKeys"
GOSSIP_KEYS = "gossipKeys"
KEY_SETTINGS = (CA_KEYS, GOSSIP_KEYS)
"""The settings that list the generations of a key, the one in use first."""


def generation_name(base: str, generation: int) -> str:
    """Return the name of a generation of a key. The first has the name that keys had before there were generations."""
    return base if generation == 1 else f"{base}-{generation}"


def generations(values: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the generations of each key, by its setting, in values from the state, where numbers are floats."""
    return {setting: [int(generation) for generation in values[setting]] for setting in KEY_SETTINGS}
