"""Registers checks with Pulumi's policy SDK.

Two things of the SDK do not do for these checks, as of pulumi-policy 1.21:

- It hands policies a secret as the plain value, though the engine sends it marked; and a policy that touches a value
  that is not known yet ends there, its other findings with it. So `decode` takes the SDK's place in reading properties.
- A policy of the whole stack gets the resources' outputs, in which Kubernetes' Secrets are always secret and a
  component's settings are missing. So the inputs are collected, resource by resource, and the stack is judged by them.
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
    """A policy: its name, what it is for, and the check that finds where a stack violates it."""

    name: str
    description: str
    check: Callable[[Sequence[Resource]], Iterable[Violation]]
    alone: bool = False
    """Whether it judges each resource by itself: then an update is refused before the resource is made."""


def serve(pack: str, rules: Sequence[Rule]) -> None:
    """Serve the rules to the engine as a policy pack, all of them mandatory, until it ends."""
    sdk.deserialize_properties = decode_properties  # pyright: ignore[reportPrivateImportUsage]
    declared = _Declared()
    policies: list[Policy] = [declared.collector(), *(declared.policy(rule) for rule in rules)]
    PolicyPack(pack, policies, EnforcementLevel.MANDATORY)


def decode_properties(properties: Mapping[str, Any], proxy_secrets: bool = False) -> Mapping[str, Any]:
    """Properties as the engine sends them, with marks; of a type that the SDK leaves as it is."""
    return MappingProxyType({key: decode(value) for key, value in properties.items()})


def decode(value: Any) -> Any:
    """A value as the engine sends it, with marks for what is secret and what is not known."""
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


class _Declared:
    """The inputs of the resources that one run of the engine has registered, by URN."""

    def __init__(self) -> None:
        self._inputs: dict[str, Resource] = {}

    def collector(self) -> ResourceValidationPolicy:
        """What collects; it finds nothing itself."""

        def collect(args: ResourceValidationArgs, report: ReportViolation) -> None:
            self._inputs[args.urn] = _resource(args)

        return ResourceValidationPolicy("declared-inputs", "Hands the other policies what the stack declares.", collect)

    def policy(self, rule: Rule) -> Policy:
        """The policy of a rule."""

        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            for violation in rule.check(list(self._stack(args))):
                report(str(violation), violation.resource.urn)

        def validate_alone(args: ResourceValidationArgs, report: ReportViolation) -> None:
            for violation in rule.check([_resource(args)]):
                report(str(violation), args.urn)

        if rule.alone:
            return ResourceValidationPolicy(rule.name, rule.description, validate_alone)
        return StackValidationPolicy(rule.name, rule.description, validate)

    def _stack(self, args: StackValidationArgs) -> Iterable[Resource]:
        """The stack's resources by their inputs; what this run does not register, as with --target, by its outputs."""
        for known in args.resources:
            sources = {name: [source.urn for source in found] for name, found in known.property_dependencies.items()}
            yield replace(self._inputs.get(known.urn, _resource(known)), made_from=sources)


def _resource(args: ResourceValidationArgs | PolicyResource) -> Resource:
    return Resource(args.urn, args.resource_type, args.props, args.opts.protect, args.opts.parent or "")
