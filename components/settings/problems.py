"""Problems with settings, and the error that reports them. Pure."""

import json
from typing import NamedTuple

from components.identity import PROJECT

HIDDEN = "[secret]"
"""What messages show instead of a secret."""


class Problem(NamedTuple):
    """A setting that cannot be used: its key, its value (None: not set), and the values that are allowed."""

    key: str
    value: object
    allowed: str

    def __str__(self) -> str:
        value = "(not set)" if self.value is None else json.dumps(self.value, default=str)
        return f"{PROJECT}:{self.key} = {value} cannot be used; allowed: {self.allowed}"


class SettingsError(ValueError):
    """The settings cannot be used; the message has one line for each problem."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
