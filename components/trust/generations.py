"""Keys that have generations: a new generation of a key replaces the old one step by step. Pure."""

from collections.abc import Mapping
from typing import Any

from components.settings import Settings

CA_KEYS = "caKeys"
GOSSIP_KEYS = "gossipKeys"
MANAGEMENT_KEYS = "managementKeys"
TOKEN_SETTINGS = (MANAGEMENT_KEYS, "agentKeys", "metricsKeys", "serviceKeys")
"""The settings that list generations of ACL tokens, which are derived from the random seed of their generation."""

KEY_SETTINGS = (CA_KEYS, GOSSIP_KEYS, *TOKEN_SETTINGS)
"""The settings that list the generations of a key, the one in use first."""


def generation_name(base: str, generation: int) -> str:
    """Return the name of a generation of a key. The first has the name that keys had before there were generations."""
    return base if generation == 1 else f"{base}-{generation}"


def generations(values: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the generations of each key, by its setting, in values from the state, where numbers are floats."""
    return {setting: [int(generation) for generation in values[setting]] for setting in KEY_SETTINGS}


def declared_generations(settings: Settings) -> dict[str, list[int]]:
    """Return the generations of each key, by its setting, in a stack's settings."""
    return generations(settings.model_dump(by_alias=True))
