"""Label selectors, and the marks of secrets and unknown values."""

from typing import Any

from policy.consul_policies.registration import decode
from policy.consul_policies.selectors import selects
from policy.consul_policies.values import UNKNOWN, Secret, dig, leaves


def test_selectors_select_as_in_kubernetes() -> None:
    def expression(operator: str, *values: str) -> dict[str, Any]:
        return {"matchExpressions": [{"key": "app", "operator": operator, "values": list(values)}]}

    def selected(selector: Any) -> bool:
        return selects(selector, {"app": "web"}, if_unknown=False)

    assert selected({})
    assert not selected(None)
    assert selected(expression("In", "web", "api"))
    assert not selected(expression("NotIn", "web"))
    assert selected(expression("Exists"))
    assert not selected(expression("DoesNotExist"))
    assert selected({"matchLabels": {"app": "web"}})
    assert not selected({"matchLabels": {"app": "web", "tier": "front"}})


def test_values_from_the_engine_keep_their_marks() -> None:
    secret = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the engine's signature of secrets
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    marked = decode({"a": {"4dabf18193072939515e22adb298388d": secret, "value": unknown}, "b": [unknown, 3.0, 0.5]})
    assert marked == {"a": Secret(UNKNOWN), "b": [UNKNOWN, 3, 0.5]}
    assert type(marked["b"][1]) is int
    assert dig(marked, "a") is UNKNOWN
    assert [(leaf.path, leaf.secret) for leaf in leaves(marked)] == [
        ("a", True),
        ("b[0]", False),
        ("b[1]", False),
        ("b[2]", False),
    ]
