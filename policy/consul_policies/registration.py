"""Register checks with Pulumi's policy SDK.

The SDK (pulumi-policy 1.21) lacks two things that these checks need (docs/adr/0015-policies-judge-inputs.md):

- The SDK removes the marks of secrets that the engine sends. It also ends a policy that reads a value that is not known
  yet, and loses the violations found so far. `decode` therefore replaces the SDK's own function that reads properties.
- A policy for the whole stack gets the outputs of resources. There, all values of a Kubernetes Secret are secret, and
  the settings of a component are missing. `_DeclaredResources` therefore collects the inputs of each resource, and the
  policies for the whole stack check these.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pulumi_policy.policy as sdk
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
    proxy,
)
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY

from .resources import Resource, Violation
from .values import UNKNOWN, Secret, mapping

_UNKNOWN_VALUES = {value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_")}


@dataclass(frozen=True)
class Rule:
    """A policy: its name, what it ensures, and the check that returns the violations of a list of resources."""

    name: str
    description: str
    check: Callable[[Sequence[Resource]], Iterable[Violation]]
    per_resource: bool = False
    """Whether to check each resource alone: an update is then refused before the resource is created."""


def serve(pack: str, rules: Sequence[Rule]) -> None:
    """Serve the rules to the engine as a policy pack until the engine ends. All rules are mandatory."""
    sdk.deserialize_properties = decode_properties  # pyright: ignore[reportPrivateImportUsage]
    declared = _DeclaredResources()
    policies: list[Policy] = [declared.collector(), *(declared.policy(rule) for rule in rules)]
    PolicyPack(pack, policies, EnforcementLevel.MANDATORY)


def decode_properties(properties: Mapping[str, Any], proxy_secrets: bool = False) -> Mapping[str, Any]:
    """Return properties from the engine with marks, in a read-only mapping, which the SDK passes on unchanged."""
    return MappingProxyType({key: decode(value) for key, value in properties.items()})


def decode(value: Any) -> Any:
    """Return a value from the engine, with marks for secrets and unknown values, and whole floats as integers."""
    if isinstance(value, dict):
        fields = mapping(value)
        if fields.get(SPECIAL_SIG_KEY) == SPECIAL_SECRET_SIG:
            return Secret(decode(fields.get("value")))
        return {key: decode(item) for key, item in fields.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value in _UNKNOWN_VALUES else value


class _DeclaredResources:
    """The inputs of all resources that one run of the engine has registered, by URN."""

    def __init__(self) -> None:
        self._inputs: dict[str, Resource] = {}

    def collector(self) -> ResourceValidationPolicy:
        """Return a policy that only collects the inputs."""

        def collect(args: ResourceValidationArgs, report: ReportViolation) -> None:
            self._inputs[args.urn] = _resource(args)

        return ResourceValidationPolicy("declared-inputs", "Collects the resources for the other policies.", collect)

    def policy(self, rule: Rule) -> Policy:
        """Return the policy of a rule."""

        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            for violation in rule.check(list(self._stack(args))):
                report(str(violation), violation.resource.urn)

        def validate_one(args: ResourceValidationArgs, report: ReportViolation) -> None:
            for violation in rule.check([_resource(args)]):
                report(str(violation), args.urn)

        if rule.per_resource:
            return ResourceValidationPolicy(rule.name, rule.description, validate_one)
        return StackValidationPolicy(rule.name, rule.description, validate)

    def _stack(self, args: StackValidationArgs) -> Iterable[Resource]:
        """Yield the stack's resources with their inputs.

        A resource that this run does not register, such as one that `--target` leaves out, has its outputs instead.
        """
        for known in args.resources:
            sources = {name: [source.urn for source in found] for name, found in known.property_dependencies.items()}
            yield replace(self._inputs.get(known.urn, _resource(known)), property_dependencies=sources)


def _resource(args: ResourceValidationArgs | PolicyResource) -> Resource:
    return Resource(args.urn, args.resource_type, args.props, args.opts.protect, args.opts.parent or "")
