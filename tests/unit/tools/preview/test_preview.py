"""The summary of `make preview` from the engine's events."""

from typing import Any

import pytest

from tools.preview import events, report
from tools.preview.properties import differences

SECRET_KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="  # noqa: S105
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
STACK = "urn:pulumi:prod::consul-cluster::pulumi:pulumi:Stack::prod"


def step(operation: str, type_: str, name: str, **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:prod::consul-cluster::consul-cluster:index:ConsulCluster${type_}::{name}"
    return {"resourcePreEvent": {"metadata": {"op": operation, "urn": urn, "type": type_, **more}}}


def changed(
    operation: str, type_: str, name: str, path: str, old: Any, new: Any, kind: str = "update"
) -> dict[str, Any]:
    """Return a step that changes one path in one top-level property."""
    key = path.partition(".")[0].partition("[")[0]
    return step(
        operation,
        type_,
        name,
        old={"inputs": {key: old}},
        new={"inputs": {key: new}},
        detailedDiff={path: {"diffKind": kind, "inputDiff": True}},
    )


EVENTS: list[dict[str, Any]] = [
    {"preludeEvent": {"config": {}}},
    step("same", "kubernetes:core/v1:Namespace", "consul"),
    step("create", "kubernetes:core/v1:Service", "web"),
    step("create", "kubernetes:core/v1:Service", "api"),
    changed("update", "kubernetes:apps/v1:StatefulSet", "consul", "spec.replicas", {"replicas": 3}, {"replicas": 5}),
    step("create-replacement", "kubernetes:core/v1:ConfigMap", "consul"),
    changed(
        "replace",
        "kubernetes:core/v1:ConfigMap",
        "consul",
        'data["server.json"]',
        {"server.json": '{\n  "a": 1,\n  "b": 2\n}'},
        {"server.json": '{\n  "a": 1,\n  "b": 3\n}'},
        "update-replace",
    ),
    step("delete-replaced", "kubernetes:core/v1:ConfigMap", "consul"),
    step("delete", "kubernetes:core/v1:PersistentVolume", "data-consul-2"),
    {"diagnosticEvent": {"severity": "debug", "message": "registering"}},
    {"diagnosticEvent": {"severity": "warning", "message": "old"}},
    {"summaryEvent": {"PolicyPacks": {"consul-cluster|local|/policy": "1.0.0"}}},
]
REFUSED: list[dict[str, Any]] = [
    *EVENTS,
    {
        "policyEvent": {
            "policyName": "sound-quorum",
            "message": "The servers …\nStatefulSet consul: spec.replicas 4\n",
            "enforcementLevel": "mandatory",
        }
    },
    {"diagnosticEvent": {"severity": "error", "message": "preview failed"}},
]


def test_a_reviewer_sees_first_what_may_lose_data() -> None:
    printed = report.text("prod", events.read(EVENTS), "", failed=False)
    assert printed == (
        "Preview of stack prod: passed\n"
        "\n"
        "- delete  PersistentVolume data-consul-2\n"
        "! replace ConfigMap consul\n"
        '      data["server.json"]  (forces the replacement)\n'
        '-         "b": 2\n'
        '+         "b": 3\n'
        "~ update  StatefulSet consul\n"
        "      spec.replicas\n"
        "-       3\n"
        "+       5\n"
        "+ create  Service api, web\n"
        "\n"
        "1 to delete, 1 to replace, 1 to update, 2 to create, 1 unchanged; policy pack consul-cluster 1.0.0\n"
        "\n"
        "warning: old\n"
    )


def test_a_violation_names_its_policy() -> None:
    preview = events.read(REFUSED)
    assert preview.violations == [events.Violation("sound-quorum", "StatefulSet consul: spec.replicas 4")]
    assert preview.errors == []
    for written in (report.text("prod", preview, "", failed=True), report.markdown("prod", preview, "", failed=True)):
        assert "refused by policies: 1" in written
        assert "sound-quorum: StatefulSet consul: spec.replicas 4" in written


def test_an_advisory_violation_is_a_warning() -> None:
    """All policies of this pack are mandatory, but an organization's policies may be advisory."""
    advice = {"policyName": "tags", "message": "Tags.\nService web: has none\n", "enforcementLevel": "advisory"}
    urn = "urn:pulumi:prod::consul-cluster::kubernetes:core/v1:Service::web"
    remediated = {"policyName": "owners", "resourceUrn": urn, "before": {}, "after": {"password": "plain"}}
    preview = events.read([*EVENTS, {"policyEvent": advice}, {"policyRemediationEvent": remediated}])
    assert preview.violations == []
    printed = report.text("prod", preview, "", failed=False)
    assert printed.startswith("Preview of stack prod: passed\n")
    assert "\nwarning: tags: Service web: has none\nwarning: owners: changes the properties of Service web\n" in printed
    assert "plain" not in printed


def test_no_value_breaks_the_markdown() -> None:
    fence = changed("update", "a:b:C", "odd", "text", "```old\n", "```new\n")
    comment = report.markdown("prod", events.read([*EVENTS, fence]), "All is new.", failed=False)
    assert comment.startswith("### ✅ Preview of stack `prod`: passed\n\nAll is new.\n\n**1 to delete, ")
    assert "⚠️ **Deleted or replaced:** `PersistentVolume data-consul-2`, `ConfigMap consul`" in comment
    assert comment.count("````") == 2


def test_a_comment_is_never_too_long_for_github() -> None:
    many = [step("delete", "kubernetes:core/v1:ConfigMap", f"{'long' * 20}-{number}") for number in range(2000)]
    said = [{"policyEvent": {"policyName": "policy", "message": "what\n" + "message " * 50}}] * 200
    comment = report.markdown("prod", events.read([*many, *said]), "", failed=True)
    assert 60000 < len(comment) <= report.MAX_COMMENT_CHARACTERS
    assert "more lines: make preview shows them" in comment
    assert comment.endswith("```\n\n</details>\n")


@pytest.mark.parametrize(
    ("type_", "path", "old", "new"),
    [
        ("kubernetes:core/v1:Secret", "stringData", {"any": "plain"}, {"any": "plainer"}),
        ("kubernetes:core/v1:Secret", "data.any", {"any": "plain"}, {"any": "plainer"}),
        ("kubernetes:core/v1:ConfigMap", 'data["a.json"]', {"a.json": "{}"}, {"a.json": f'"encrypt": "{SECRET_KEY}"'}),
        ("kubernetes:core/v1:ConfigMap", "data.password", {"password": "plain"}, {"password": "plainer"}),
        (
            "kubernetes:apps/v1:Deployment",
            "spec.env[0]",
            {"env": []},
            {"env": [{"name": "TOKEN", "value": "plain"}]},
        ),
        (
            "kubernetes:apps/v1:Deployment",
            "spec.env[1].value",
            {"env": [{"name": "A"}, {"name": "DB_PASSWORD", "value": "plain"}]},
            {"env": [{"name": "A"}, {"name": "DB_PASSWORD", "value": "plainer"}]},
        ),
        ("kubernetes:core/v1:Pod", "spec.args[1]", {"args": ["-token", "plain"]}, {"args": ["-token", "plainer"]}),
        ("kubernetes:core/v1:Pod", "spec.args[0]", {"args": ["--password=plain"]}, {"args": ["--password=plainer"]}),
        ("kubernetes:core/v1:Pod", "spec.args", {"args": ["-token", "plain"]}, {"args": ["-token", "plainer"]}),
        ("kubernetes:core/v1:Pod", "spec.command[2]", {"command": ["web", "--secret", "plain"]}, {"command": ["web"]}),
        ("kubernetes:core/v1:Secret", "stringData", "[secret]", "[secret]"),
    ],
)  # fmt: skip
def test_no_secret_is_shown(type_: str, path: str, old: Any, new: Any) -> None:
    metadata = changed("update", type_, "any", path, old, new)["resourcePreEvent"]["metadata"]
    shown = str(differences(metadata))
    assert "[secret]" in shown
    assert "plain" not in shown
    assert SECRET_KEY not in shown


def test_old_and_new_value_are_checked_with_their_own_neighbors() -> None:
    """The variable is replaced by another one: only the old one is a secret."""
    old, new = {"env": [{"name": "PASSWORD", "value": "plain"}]}, {"env": [{"name": "HOST", "value": "web"}]}
    metadata = changed("update", "a:b:C", "any", "spec.env[0].value", old, new)["resourcePreEvent"]["metadata"]
    (difference,) = differences(metadata)
    assert (difference.removed, difference.added) == (['"[secret]"'], ['"web"'])


def test_a_secret_that_changes_is_a_difference() -> None:
    old, new = {"password": "plain", "same": "a"}, {"password": "plainer", "same": "a"}
    metadata = changed("update", "a:b:C", "any", "input", old, new)["resourcePreEvent"]["metadata"]
    shown = [(difference.path, difference.removed, difference.added) for difference in differences(metadata)]
    assert shown == [("input.password", ['"[secret]"'], ['"[secret]"'])]


def test_unknown_values_are_shown_as_unknown() -> None:
    metadata = changed("update", "a:b:C", "any", "spec", "old", UNKNOWN)["resourcePreEvent"]["metadata"]
    (difference,) = differences(metadata)
    assert (difference.removed, difference.added) == (['"old"'], ["(known after the update)"])
    old, new = {"args": ["-token", "plain"]}, {"args": ["-token", UNKNOWN]}
    metadata = changed("update", "a:b:C", "any", "spec.args[1]", old, new)["resourcePreEvent"]["metadata"]
    (difference,) = differences(metadata)
    assert (difference.removed, difference.added) == (['"[secret]"'], ["(known after the update)"])


def test_without_the_providers_diff_the_inputs_are_compared() -> None:
    metadata = step(
        "update",
        "consul-cluster:index:ConsulCluster",
        "consul",
        old={"inputs": {"serverReplicas": 3, "domain": "consul"}},
        new={"inputs": {"serverReplicas": 5, "domain": "consul"}},
    )["resourcePreEvent"]["metadata"]
    (difference,) = differences(metadata)
    assert (difference.path, difference.removed, difference.added) == ("serverReplicas", ["3"], ["5"])


def test_only_the_differing_fields_of_an_object_are_shown() -> None:
    old, new = {"same": 1, "labels": {"a/b": "c"}, "gone": True}, {"same": 1, "labels": {"a/b": "d"}}
    metadata = changed("update", "a:b:C", "any", "input", old, new)["resourcePreEvent"]["metadata"]
    shown = [(difference.path, difference.removed, difference.added) for difference in differences(metadata)]
    assert shown == [('input.labels["a/b"]', ['"c"'], ['"d"']), ("input.gone", ["true"], [])]


def test_the_name_of_a_secret_is_not_a_secret() -> None:
    old, new = {"secret": {"secretName": "consul-1"}}, {"secret": {"secretName": "consul-2"}}
    metadata = changed("update", "a:b:C", "any", "spec.secret.secretName", old, new)["resourcePreEvent"]["metadata"]
    assert [difference.added for difference in differences(metadata)] == [['"consul-2"']]
