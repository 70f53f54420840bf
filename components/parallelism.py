"""How many steps Pulumi takes at a time, and how many of them may wait for other steps of the same program."""

from typing import Any

import pulumi

_waiting = 0


def may_wait(steps: int) -> bool:
    """Return whether so many steps more may wait for later steps; if so, count them.

    At least one step must be left that does not wait, or an update would never end. The number counts for all clusters
    of a program.
    """
    global _waiting
    settings: Any = pulumi.runtime.settings.SETTINGS
    if _waiting + steps >= (settings.parallel or 1):
        return False
    _waiting += steps
    return True
