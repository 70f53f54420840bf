"""A stack's settings: the table of settings (`table`), the rules between them (`rules`), and errors (`problems`).

Pure: nothing here imports Pulumi. Settings are validated before the first resource is registered.
"""

from components.identity import PROJECT
from components.settings.problems import Problem, SettingsError
from components.settings.quantities import quantity
from components.settings.setting import Entry
from components.settings.table import Settings
from components.settings.value_types import MOST_SERVERS, ResourceAmounts, Resources, Toleration

__all__ = [
    "MOST_SERVERS",
    "PROJECT",
    "Entry",
    "Problem",
    "ResourceAmounts",
    "Resources",
    "Settings",
    "SettingsError",
    "Toleration",
    "quantity",
]
