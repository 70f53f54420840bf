"""Kubernetes label selectors."""

from collections.abc import Mapping
from typing import Any

from .values import UNKNOWN, dig, leaves, mapping, plain, sequence, texts


def has_labels(labels: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether labels include all that are wanted; what is not known is not among them."""
    return all(labels.get(key) == value and value is not UNKNOWN for key, value in wanted.items())


def selects(selector: Any, labels: Mapping[str, Any], *, unknown: bool) -> bool:
    """Whether a selector with matchLabels and matchExpressions takes an object with these labels.

    An empty selector takes all, and none takes nothing; `unknown` is the answer where only the update will know.
    """
    selector = plain(selector)
    if selector is None:
        return False
    if any(leaf.value is UNKNOWN for part in (selector, labels) for leaf in leaves(part)):
        return unknown
    return has_labels(labels, mapping(dig(selector, "matchLabels"))) and all(
        _fulfilled(expression, labels) for expression in sequence(dig(selector, "matchExpressions"))
    )


def _fulfilled(expression: Any, labels: Mapping[str, Any]) -> bool:
    key, values = dig(expression, "key"), texts(expression, "values")
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
