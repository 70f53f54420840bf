"""The project examples/consumer on a development cluster and on a production cluster."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.consul import Consul, wait_for
from tests.support.secrets import shows
from tests.support.stack import PROJECT_DIR, Stack
from tools import toolchain

REPLICAS = 3

# Consul checks the application's health every 2 s, and the caller asks Consul every second.
NOTICED_SECONDS = 15

CURL = ["curl", "--silent", "--show-error", "--cacert", "/consul/ca.pem"]


class Round(NamedTuple):
    """A line of the caller's log: addresses by DNS, instances by HTTPS, and the instances that answered."""

    dns: frozenset[str]
    https: frozenset[str]
    answers: frozenset[str]


class Consumer(NamedTuple):
    """The application's stack, the Consul cluster that it uses, and the application's namespace."""

    stack: Stack
    first_preview: str
    outputs: dict[str, Any]
    consul: Consul
    namespace: Consul

    @property
    def token(self) -> str:
        return self.outputs["serviceTokens"]["web"]

    def instances(self) -> dict[str, str]:
        """Return the IP addresses of the application's pods, by name."""
        pods = self.namespace.objects("pods", "--selector", "app.kubernetes.io/name=web")
        return {pod["metadata"]["name"]: pod["status"].get("podIP", "") for pod in pods}

    def rounds(self) -> list[Round]:
        """Return all rounds in the caller's log."""
        lines = re.findall("^DNS:(.*)HTTPS:(.*)answers:(.*)$", self.caller_log(), re.MULTILINE)
        return [Round(*(frozenset(part.split()) for part in line)) for line in lines]

    def caller_log(self) -> str:
        return self.namespace.kubectl("logs", "deployment/caller", "--tail=-1")

    def round_of(self, names: set[str]) -> Round:
        """Return the round in which exactly these instances are found, by DNS and by HTTPS, and answer."""
        addresses = self.instances()
        return Round(frozenset(addresses[name] for name in names), frozenset(names), frozenset(names))

    def wait_until_found(self, names: set[str], seconds: float = 60) -> None:
        """Wait until exactly these instances are found."""
        expected = self.round_of(names)
        wait_for(f"round of {expected}", lambda: self.rounds()[-1:] == [expected], seconds)

    def call(self, path: str, *arguments: str, token: str = "") -> str:
        """Call a Consul client from the caller's pod and return its answer."""
        command = [*CURL, "--header", "@-", *arguments, f"{self.outputs['clientAddress']}/v1/{path}"]
        return self.namespace.run("deployment/caller", *command, stdin=f"X-Consul-Token: {token}" if token else "")


@pytest.fixture(scope="module", params=["stack", pytest.param("production", marks=pytest.mark.soak)])
def consumer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consumer]:
    """Yield the running application, on a cluster of each profile."""
    cluster: Stack = request.getfixturevalue(request.param)
    outputs = cluster.outputs()
    namespace = cluster.settings["clientNamespaces"][0]
    stack = Stack(
        tmp_path_factory.mktemp("consumer"),
        namespace,
        kubeconfig=cluster.kubeconfig,
        project=PROJECT_DIR / "examples" / "consumer",
        backend=cluster.backend,
    )
    stack.configure(
        {
            "consulStack": f"organization/consul-cluster/{cluster.name}",
            "namespace": namespace,
            "replicas": REPLICAS,
            "image": toolchain.CONSUL_IMAGE,
        }
    )
    preview = stack.preview("--diff")
    stack.up()
    yield Consumer(
        stack,
        preview,
        outputs,
        Consul(stack.kubeconfig, outputs["namespace"], outputs["managementToken"]),
        Consul(stack.kubeconfig, namespace),
    )
    if stack.deployment():
        stack.pulumi("destroy", "--yes", "--skip-preview")


def test_every_instance_is_found_and_answers(consumer: Consumer) -> None:
    instances = consumer.instances()
    assert len(instances) == REPLICAS
    consumer.wait_until_found(set(instances))


def test_an_unhealthy_instance_is_not_found_until_it_is_healthy(consumer: Consumer) -> None:
    unhealthy, *healthy = consumer.instances()
    consumer.wait_until_found({unhealthy, *healthy})

    consumer.namespace.run(unhealthy, "mv", "/srv/health", "/srv/ill")
    consumer.wait_until_found(set(healthy), NOTICED_SECONDS)

    consumer.namespace.run(unhealthy, "mv", "/srv/ill", "/srv/health")
    consumer.wait_until_found({unhealthy, *healthy}, NOTICED_SECONDS)


def test_a_token_is_required_and_allows_only_its_service(consumer: Consumer) -> None:
    passing = "health/service/web?passing"
    assert consumer.call(passing) == "[]"
    assert len(json.loads(consumer.call(passing, token=consumer.token))) == REPLICAS

    for service, token in (("web", ""), ("web", consumer.outputs["metricsToken"]), ("api", consumer.token)):
        registration = ["--request", "PUT", "--data", json.dumps({"Name": service})]
        assert "Permission denied" in consumer.call("agent/service/register", *registration, token=token)


def test_no_secret_is_visible(consumer: Consumer) -> None:
    places = {
        "preview": consumer.first_preview,
        "state": consumer.stack.state.read_text(),
        "pods": json.dumps(consumer.namespace.objects("pods")),
        "log": consumer.caller_log(),
    }
    assert all(places.values())
    secrets = (consumer.token, f"X-Consul-Token: {consumer.token}")
    assert [place for secret in secrets for place, text in places.items() if shows(text, secret)] == []


def test_instances_return_when_their_client_restarts(consumer: Consumer) -> None:
    instances = set(consumer.instances())
    consumer.wait_until_found(instances)
    before = registered(consumer)
    client = before[min(instances)].client
    lost = {instance for instance, registration in before.items() if registration.client == client}
    without = consumer.round_of(instances - lost)

    rounds = len(consumer.rounds())
    consumer.consul.kubectl("delete", "pod", client)
    wait_for(f"round of {without}", lambda: without in consumer.rounds()[rounds:])

    # If the client had all instances, calls that failed look like an empty round. The index shows that an instance was
    # deregistered, and registered again.
    def returned() -> bool:
        after = registered(consumer)
        return after.keys() == before.keys() and all(
            after[name].client == before[name].client
            and (after[name].create_index > before[name].create_index) == (name in lost)
            for name in before
        )

    wait_for("new registrations with the same clients", returned)
    consumer.wait_until_found(instances)


class Registration(NamedTuple):
    """An instance in the catalog: its Consul client, and the Raft index at which it was registered."""

    client: str
    create_index: int


def registered(consumer: Consumer) -> dict[str, Registration]:
    """Return the registration of each instance, by the instance's name."""
    entries = json.loads(consumer.call("catalog/service/web", token=consumer.token))
    return {entry["ServiceID"]: Registration(entry["Node"], entry["CreateIndex"]) for entry in entries}


def test_destroy_leaves_no_instance_in_the_catalog(consumer: Consumer) -> None:
    assert "web" in consumer.consul.consul("catalog", "services")
    consumer.stack.pulumi("destroy", "--yes", "--skip-preview")
    assert "web" not in consumer.consul.consul("catalog", "services")
