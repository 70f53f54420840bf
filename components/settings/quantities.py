"""Kubernetes quantities such as `250m` and `10Gi`. Pure.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from decimal import Decimal

_QUANTITY = re.compile(r"(?P<number>\d+(\.\d+)?|\.\d+)(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
_FACTORS = {suffix: Decimal(1000) ** power for power, suffix in enumerate("num kMGTPE", start=-3)} | {
    f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)
}


def quantity(text: str) -> Decimal:
    """Return the number that a quantity stands for: 0.1 for `100m`, 1024 for `1Ki`.

    Raises ValueError if the text is not a quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity")
    number, suffix = Decimal(match["number"]), match["suffix"] or ""
    # "E" alone is the suffix exa; "e3" and "E3" are exponents.
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return number * Decimal(10) ** int(suffix[1:])
    return number * (_FACTORS[suffix] if suffix else 1)
