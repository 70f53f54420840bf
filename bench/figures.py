"""A measured figure beside what it is held against."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Figure:
    """Samples of one thing, and of what it is compared with in the same rounds."""

    what: str
    against: str = ""
    aim: str = ""
    unit: str = "s"
    samples: list[float] = field(default_factory=list[float])
    other: list[float] = field(default_factory=list[float])

    def row(self) -> tuple[str, ...]:
        """The cells of the figure's row."""

        def cell(samples: list[float]) -> str:
            return f"{median(samples):.3g} {self.unit}" if samples else ""

        ratio = f"{median(self.samples) / median(self.other):.2f}" if self.other else ""
        return self.what, cell(self.samples), self.against, cell(self.other), ratio, self.aim


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes, in seconds."""
    start = time.monotonic()
    action()
    return time.monotonic() - start
