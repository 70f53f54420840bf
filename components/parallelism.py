"""How many steps Pulumi takes at a time, and which of them wait for other steps of the same program."""

from collections.abc import Sequence
from typing import Any, TypeVar

import pulumi

_waiting = 0

T = TypeVar("T")


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


def known_after(resources: Sequence[pulumi.CustomResource], value: pulumi.Output[T]) -> pulumi.Output[T]:
    """Return an output with the same value that resolves after the resources are created or updated.

    A resource that uses the output waits for them, but the stack's state has no dependency.
    """

    async def wait(known: T) -> T:
        for resource in resources:
            await resource.id.future()
        return known

    return value.apply(wait)
