"""Waits that have a limit, and say what they wait for and what they last saw."""

import time
from collections.abc import Callable

from tools.devcluster.errors import DevclusterError


def wait_for(
    what: str,
    missing: Callable[[], str | None],
    limit: float,
    say: Callable[[str], None] | None = None,
    interval: float = 0.1,
) -> None:
    """Return once `missing()` gives None; until then it gives what is still missing, which `say` is told.

    Raises DevclusterError after `limit` seconds.
    """
    deadline = time.monotonic() + limit
    while (seen := missing()) is not None:
        if say:
            say(seen)
        if time.monotonic() > deadline:
            raise DevclusterError(f"waited {limit:.0f} s for {what}; last seen: {seen}")
        time.sleep(interval)
