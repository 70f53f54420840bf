"""Kubernetes label selectors."""

from collections.abc import Mapping
from typing import Any

from .values import UNKNOWN, dig, leaves, mapping, plain, sequence, strings


def has_labels(labels: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether labels include all wanted ones. An unknown value never matches."""
    return all(labels.get(key) == value and value is not UNKNOWN for key, value in wanted.items())


def selects(selector: Any, labels: Mapping[str, Any], *, if_unknown: bool) -> bool:
    """Return whether a selector with matchLabels and matchExpressions selects an object with these labels.

    An empty selector selects everything, a missing one nothing. If the selector or the labels contain a value that only
    the update will know, return `if_unknown`.
    """
    selector = plain(selector)
    if selector is None:
        return False
    if any(leaf.value is UNKNOWN for part in (selector, labels) for leaf in leaves(part)):
        return if_unknown
    return has_labels(labels, mapping(dig(selector, "matchLabels"))) and all(
        _fulfilled(expression, labels) for expression in sequence(dig(selector, "matchExpressions"))
    )


def _fulfilled(expression: Any, labels: Mapping[str, Any]) -> bool:
    key, values = dig(expression, "key"), strings(expression, "values")
    match dig(expression, "operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
