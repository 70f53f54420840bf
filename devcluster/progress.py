"""What is being done, how far it is, and how long it takes: a live line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.status import Status


@dataclass
class Step:
    """One thing being done; say() tells how far it is."""

    title: str
    console: Console
    started: float = field(default_factory=time.monotonic)
    status: Status | None = None
    _said: str = ""

    @property
    def seconds(self) -> float:
        """Time since the step began."""
        return time.monotonic() - self.started

    def say(self, detail: str) -> None:
        """Tell what is awaited; saying the same again only refreshes the time on a terminal."""
        line = f"{self.title}: {detail} [dim]({self.seconds:.0f} s)[/dim]"
        if self.status:
            self.status.update(line)
        elif detail != self._said:
            self.console.print(f"  {line}", highlight=False)
        self._said = detail


class Progress:
    """Reports steps to the person at the terminal, by way of standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        """A quiet one reports nothing."""
        self._console = Console(stderr=True, quiet=quiet, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        """Report a step from its beginning to its end."""
        step = Step(title, self._console)
        if self._console.is_terminal:
            with self._console.status(title) as step.status:
                yield step
        else:
            yield step
        self._console.print(f"[green]✓[/green] {title} [dim]({step.seconds:.1f} s)[/dim]", highlight=False)

    def done(self, message: str) -> None:
        """Report the end of it all."""
        self._console.print(message, highlight=False)
