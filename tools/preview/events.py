"""The result of a preview, from the events of Pulumi's engine.

https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/apitype#EngineEvent
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.preview.properties import Difference, differences

# The steps that reviewers see; those that may lose data come first. A replacement has two more steps, which are left
# out: create-replacement and delete-replaced.
OPERATIONS = ("delete", "replace", "update", "import", "create")

# Messages at the end that add nothing to the error before them. The engine prints the second one if it stopped before
# all policies had run.
_REDUNDANT = ("preview failed", "failed to run policy: context canceled")


@dataclass(frozen=True)
class Change:
    """A change of a resource: the operation, and the properties that differ."""

    operation: str
    kind: str
    name: str
    differences: Sequence[Difference] = ()

    def __str__(self) -> str:
        """Return kind and name, as in `StatefulSet consul`."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Violation:
    """A violation of a policy that refuses the preview."""

    policy: str
    message: str

    def __str__(self) -> str:
        """Return policy and message, as in `sound-quorum: StatefulSet consul/consul: spec.replicas 4; …`."""
        return f"{self.policy}: {self.message}"


@dataclass
class Preview:
    """The result of a preview."""

    changes: list[Change] = field(default_factory=list[Change])
    unchanged: int = 0
    violations: list[Violation] = field(default_factory=list[Violation])
    errors: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    packs: list[str] = field(default_factory=list[str])

    def of(self, operation: str) -> list[Change]:
        """Return the changes with an operation of `OPERATIONS`."""
        return [change for change in self.changes if change.operation == operation]


def read(events: Iterable[Mapping[str, Any]]) -> Preview:
    """Return the result of a preview from the engine's events."""
    preview = Preview()
    for event in events:
        if step := event.get("resourcePreEvent"):
            _add_step(preview, step["metadata"])
        elif violation := event.get("policyEvent"):
            # The first line is the policy's description.
            message = violation["message"].strip().partition("\n")[2].strip()
            found = Violation(violation["policyName"], message)
            # If a policy of the level `remediate` changed nothing, the engine reports it as mandatory.
            if violation.get("enforcementLevel") == "advisory":
                preview.warnings.append(str(found))
            else:
                preview.violations.append(found)
        elif remedy := event.get("policyRemediationEvent"):
            kind, name = _kind_and_name(remedy["resourceUrn"])
            preview.warnings.append(f"{remedy['policyName']}: changes the properties of {kind} {name}")
        elif summary := event.get("summaryEvent"):
            packs: Mapping[str, str] = summary.get("PolicyPacks") or {}
            preview.packs += [f"{name.partition('|')[0]} {version}" for name, version in packs.items()]
        elif diagnostic := event.get("diagnosticEvent"):
            _add_diagnostic(preview, diagnostic)
    return preview


def _add_step(preview: Preview, step: Mapping[str, Any]) -> None:
    type_: str = step["type"]
    if type_ == "pulumi:pulumi:Stack" or type_.startswith("pulumi:providers:"):
        return
    if step["op"] == "same":
        preview.unchanged += 1
    elif step["op"] in OPERATIONS:
        kind, name = _kind_and_name(step["urn"])
        changed = differences(step) if step["op"] in ("replace", "update") else ()
        preview.changes.append(Change(step["op"], kind, name, changed))


def _kind_and_name(urn: str) -> tuple[str, str]:
    _, type_, name = urn.rsplit("::", 2)
    return type_.rpartition(":")[2], name


def _add_diagnostic(preview: Preview, diagnostic: Mapping[str, Any]) -> None:
    message = diagnostic["message"].strip()
    if diagnostic["severity"] == "error" and message not in _REDUNDANT:
        preview.errors.append(message)
    elif diagnostic["severity"] == "warning":
        preview.warnings.append(message)
