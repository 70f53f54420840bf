"""Wait with a time limit, and report what is missing."""

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
    """Return when `missing()` returns None. Until then, pass what it returns to `say`.

    Raises DevclusterError with the last result after `limit` seconds.
    """
    deadline = time.monotonic() + limit
    while (seen := missing()) is not None:
        if say:
            say(seen)
        if time.monotonic() > deadline:
            raise DevclusterError(f"Waited {limit:.0f} s for {what}; last seen: {seen}")
        time.sleep(interval)
