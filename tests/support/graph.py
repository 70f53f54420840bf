"""Declare the component with mock providers, and record the inputs of its resources. For unit tests only."""

import asyncio
import copy
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

import pulumi

from components import ConsulCluster
from components.agents.agent_config import address_config, render
from components.identity import COMPONENT_TYPE
from components.settings import Settings

# Outputs that the mock providers compute. All other outputs are the inputs.
PASSWORD = "p" * 64

CA_EXPIRY = "2036-01-01T00:00:00.987654321Z"
COMPUTED: dict[str, dict[str, Any]] = {
    "random:index/randomPassword:RandomPassword": {"result": PASSWORD},
    "random:index/randomId:RandomId": {"hex": "0a1b2c3d"},
    "tls:index/privateKey:PrivateKey": {"privateKeyPem": "PRIVATE KEY", "publicKeyPem": "PUBLIC KEY"},
    "tls:index/selfSignedCert:SelfSignedCert": {"certPem": "CA CERTIFICATE", "validityEndTime": CA_EXPIRY},
    "tls:index/certRequest:CertRequest": {"certRequestPem": "REQUEST"},
    "tls:index/locallySignedCert:LocallySignedCert": {
        "certPem": "SERVER CERTIFICATE",
        "validityStartTime": "2026-01-01T00:00:00Z",
        "validityEndTime": "2027-01-01T00:00:00Z",
    },
}

Inputs = dict[str, Any]


class Recorder(pulumi.runtime.Mocks):
    """Records the inputs of each resource as `Kind name`, and names the objects that Pulumi would name."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = state
        self.inputs: dict[str, Inputs] = {}
        self.outputs: dict[str, Any] = {}
        self.identities: set[tuple[str, str]] = set()
        """The URN of each resource's parent, and the URN of the resource."""
        self.protected: set[str] = set()
        """The resources with Pulumi's option `protect`, as `Kind name`."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        kind = args.typ.rpartition(":")[2]
        inputs = cast("Inputs", args.inputs)  # pyright: ignore[reportUnknownMemberType]
        self.inputs[f"{kind} {args.name}"] = inputs
        outputs = inputs | COMPUTED.get(args.typ, {})
        if args.typ.startswith("kubernetes:"):
            metadata = {"name": f"{args.name}-{'0' * 8}"} | inputs.get("metadata", {})
            outputs = outputs | {"metadata": metadata}
        if kind == "Service":
            outputs = outputs | {"spec": outputs["spec"] | {"clusterIP": "10.0.0.10"}}
        return args.name, outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        """Answer the only function that the component calls: what the stack's state contains."""
        return {"outputs": self.state}, []

    def of_kind(self, kind: str) -> dict[str, Inputs]:
        return {name.split()[1]: inputs for name, inputs in self.inputs.items() if name.split()[0] == kind}


class Monitor(pulumi.runtime.mocks.MockMonitor):
    """Records the URN and the parent of each resource, and those that are protected."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        if request.protect:
            cast("Recorder", self.mocks).protected.add(f"{request.type.rpartition(':')[2]} {request.name}")
        return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        urn = super().make_urn(parent, type_, name)
        if parent:  # not the stack itself, which is registered once for all tests
            cast("Recorder", self.mocks).identities.add((parent, urn))
        return urn


class NoHooks:
    """Accepts resource hooks and never calls them."""

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        pass


def development(**changes: Any) -> Settings:
    """Return development settings with three servers on three nodes, and the changes of a test."""
    return Settings.model_validate(
        {"environment": "development", "storage_nodes": ("node-1", "node-2", "node-3")} | changes
    )


def production(**changes: Any) -> Settings:
    """Return production settings, with the changes of a test."""
    return Settings.model_validate({"environment": "production", "storage_class": "fast"} | changes)


def stash(name: str, value: Any) -> dict[str, Any]:
    """Return a Stash as the stack's state shows it, by URN."""
    return in_state("pulumi:index:Stash", name, {"input": value, "output": value})


def server_addresses(namespace: str, parent: str = "", **servers: str) -> dict[str, Any]:
    """Return the ConfigMap with the servers' addresses as the stack's state shows it; `parent` is the component's."""
    data = {f"{server}.json": render(address_config(address)) for server, address in servers.items()}
    outputs = {"metadata": {"namespace": namespace}, "data": data}
    return in_state("kubernetes:core/v1:ConfigMap", "consul-addresses", outputs, parent)


def in_state(kind: str, name: str, outputs: dict[str, Any], parent: str = "") -> dict[str, Any]:
    """Return a resource of a component as the stack's state shows it, by URN."""
    urn = f"urn:pulumi:unit::consul-cluster::{parent}{COMPONENT_TYPE}${kind}::{name}"
    return {urn: {"type": kind, "outputs": outputs}}


def declare(settings: Settings, state: Mapping[str, Any] | None = None) -> Recorder:
    """Return the recorded resources of a cluster with these settings: a copy, which the caller may change.

    `state` is what the stack's state contains before.
    """
    return copy.deepcopy(_declared(settings.model_dump_json(), json.dumps(state or {})))


@cache
def _declared(settings: str, state: str) -> Recorder:
    """Declare a cluster. The result is cached, because each declaration takes some tenths of a second."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    recorder = Recorder(json.loads(state))
    pulumi.runtime.set_mocks(recorder, "consul-cluster", "unit", preview=False, monitor=Monitor(recorder))
    # The SDK's mocks do not support resource hooks; tests/preview has the real ones.
    pulumi.runtime.settings.SETTINGS.callbacks = cast("Any", NoHooks())  # pyright: ignore[reportAttributeAccessIssue]

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def program() -> pulumi.Output[None]:
        cluster = ConsulCluster("consul", Settings.model_validate_json(settings))
        return pulumi.Output.all(**cluster.outputs()).apply(recorder.outputs.update)

    program()
    loop.close()
    return recorder
