"""A measured figure and its comparison."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Figure:
    """Samples of a measurement, and of its comparison in the same rounds. `aim` is a limit such as `≤ 3`, or text."""

    what: str
    against: str = ""
    aim: str = ""
    unit: str = "s"
    samples: list[float] = field(default_factory=list[float])
    other: list[float] = field(default_factory=list[float])

    def row(self) -> tuple[str, ...]:
        """Return the cells of the figure's row."""

        def cell(samples: list[float]) -> str:
            return f"{median(samples):.3g} {self.unit}" if samples else ""

        ratio = f"{median(self.samples) / median(self.other):.2f}" if self.other else ""
        aim = f"{self.aim} (missed)" if self.missed else self.aim
        return self.what, cell(self.samples), self.against, cell(self.other), ratio, aim

    @property
    def missed(self) -> bool:
        """Return whether the ratio, or without a comparison the median, is above the aim."""
        most = re.match(r"≤ ([\d.]+)", self.aim)
        if most is None:
            return False
        return median(self.samples) / (median(self.other) if self.other else 1) > float(most[1])


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes, in seconds."""
    start = time.monotonic()
    action()
    return time.monotonic() - start
