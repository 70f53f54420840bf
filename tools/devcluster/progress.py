"""What is being done, how far it is, and how long it takes: a live line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich import progress
from rich.console import Console


@dataclass
class Step:
    """One thing being done."""

    title: str
    show: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    _said: str = ""

    @property
    def seconds(self) -> float:
        """Time since the step began."""
        return time.monotonic() - self.started

    def say(self, detail: str) -> None:
        """Tell how far it is, or what is awaited; said again, it is shown once."""
        if detail != self._said:
            self.show(f"{self.title}: {detail}")
        self._said = detail


class Progress:
    """Reports steps to the person at the terminal, by way of standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        """A quiet one reports nothing."""
        self._console = Console(stderr=True, quiet=quiet, soft_wrap=True, highlight=False)

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        """Report a step from its beginning to its end."""
        if self._console.is_terminal:
            columns = (progress.SpinnerColumn(), "{task.description}", progress.TimeElapsedColumn())
            with progress.Progress(*columns, console=self._console, transient=True) as live:
                task = live.add_task(title, total=None)
                step = Step(title, lambda line: live.update(task, description=line))
                yield step
        else:
            step = Step(title, lambda line: self._console.print(f"  {line} [dim]({step.seconds:.0f} s)[/dim]"))
            yield step
        self._console.print(f"[green]✓[/green] {title} [dim]({step.seconds:.1f} s)[/dim]")

    def done(self, message: str) -> None:
        """Report the end of it all."""
        self._console.print(message)
