"""Progress of the steps: a live line on a terminal, otherwise plain lines."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich import progress
from rich.console import Console


@dataclass
class Step:
    """A step that is running."""

    title: str
    show: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    _said: str = ""

    @property
    def seconds(self) -> float:
        """Return the seconds since the step began."""
        return time.monotonic() - self.started

    def say(self, detail: str) -> None:
        """Show a detail, such as what the step waits for. A repeated detail is shown once."""
        if detail != self._said:
            self.show(f"{self.title}: {detail}")
        self._said = detail


class Progress:
    """Report steps on standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        """With `quiet`, report nothing."""
        self._console = Console(stderr=True, quiet=quiet, soft_wrap=True, highlight=False)

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        """Report the beginning and the end of a step."""
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
        """Report a final message."""
        self._console.print(message)
