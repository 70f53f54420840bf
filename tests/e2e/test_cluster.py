"""The cluster that `pulumi up` creates."""

import base64
import json
import ssl
from functools import partial
from typing import Any

import httpx
import pytest

from tests.support.consul import Consul, wait_for
from tests.support.secrets import secrets, shows
from tests.support.stack import Stack
from tools.devcluster.cluster import Cluster


def test_six_agents_are_alive_on_three_nodes(consul: Consul) -> None:
    servers = [(f"consul-{ordinal}", "alive", "server", "dc1", "<all>") for ordinal in range(3)]
    clients = [(f"consul-client-{ordinal}", "alive", "client", "dc1", "<default>") for ordinal in range(3)]
    for pod in ("consul-0", "consul-client-2"):
        consul.wait_members(pod)
        members = [(name, *rest) for name, _, *rest in consul.members(pod)]
        assert sorted(members) == sorted(servers + clients)
    for component in ("server", "client"):
        pods = consul.objects("pods", "--selector", f"app.kubernetes.io/component={component}")
        assert {pod["spec"]["nodeName"] for pod in pods} == {"node-1", "node-2", "node-3"}


def test_a_second_up_changes_nothing(stack: Stack, consul: Consul) -> None:
    # The first refresh reads what controllers have set since the objects were created, such as a volume's phase.
    assert "unchanged" in stack.up("--expect-no-changes")
    before = properties(stack)
    assert "unchanged" in stack.up("--expect-no-changes")
    after = properties(stack)
    # Compare names only, because the properties contain secrets, which a failure would print.
    assert [urn for urn in before.keys() | after.keys() if before.get(urn) != after.get(urn)] == []
    assert stack.pulumi("preview", "--expect-no-changes", "--diff").returncode == 0
    # Fields that the API server fills in are no drift.
    assert stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes").returncode == 0


def properties(stack: Stack) -> dict[str, tuple[Any, ...]]:
    """Return ID, inputs and outputs of each resource in the state, by URN."""
    return {
        resource["urn"]: tuple(resource.get(key) for key in ("id", "inputs", "outputs"))
        for resource in stack.deployment()
    }


def test_every_agent_returns_the_same_keys_and_services(stack: Stack, consul: Consul) -> None:
    consul.consul("kv", "put", "greeting", "hello", pod="consul-client-0")
    for pod in ("consul-0", "consul-1", "consul-2", "consul-client-1", "consul-client-2"):
        assert consul.consul("kv", "get", "greeting", pod=pod) == "hello\n"

    consul.consul("services", "register", "-name=web", "-address=192.0.2.7", "-port=80", pod="consul-client-1")

    def listed(pod: str) -> bool:
        # Any server answers DNS, also one that has not applied the registration yet.
        answer = consul.run(pod, "nslookup", "-port=8600", "web.service.consul", "127.0.0.1")
        return "192.0.2.7" in answer and "web" in consul.consul("catalog", "services", pod=pod)

    for pod in ("consul-0", "consul-client-2"):
        wait_for("web in the catalog and in DNS", partial(listed, pod))
    consul.consul("services", "deregister", "-id=web", pod="consul-client-1")


def test_the_agents_use_the_gossip_key_of_the_secret(stack: Stack, consul: Consul) -> None:
    outputs = stack.outputs()
    assert consul.gossip_keys() == {outputs["gossipKey"]: "[6/6]"}
    jsonpath = "jsonpath={.data.gossip-encryption-key}"
    in_secret = consul.kubectl("get", "secret", outputs["secretName"], "--output", jsonpath)

    assert base64.b64decode(in_secret).decode() == outputs["gossipKey"]


def test_no_secret_is_in_an_argument_environment_or_pod_spec(stack: Stack, consul: Consul) -> None:
    values = secrets(stack.deployment())
    assert {"gossip key", "management", "server", "client", "service-web"} <= values.keys()
    texts = {kind: json.dumps(consul.objects(kind)) for kind in ("pods", "statefulsets", "jobs", "configmaps")}
    for pod in ("consul-0", "consul-client-0"):
        texts[pod] = consul.run(pod, "sh", "-c", "cat /proc/1/cmdline /proc/1/environ | tr '\\0' '\\n'")
        assert "-config-dir" in texts[pod]
        texts[f"logs of {pod}"] = consul.kubectl("logs", pod)
    found = [(name, place) for name, value in values.items() for place, text in texts.items() if shows(text, value)]
    assert found == []


def test_no_secret_is_in_the_state_or_a_preview(stack: Stack) -> None:
    values = secrets(stack.deployment())
    assert values["gossip key"] == stack.outputs()["gossipKey"]
    with stack.configured(stack.settings | {"logLevel": "warn"}):
        places = {
            "state": stack.state.read_text(),
            "preview": stack.preview("--diff"),
            "preview as JSON": stack.preview("--json"),
            "outputs": stack.pulumi("stack", "output", "--json").stdout,
        }
    found = [(name, place) for name, value in values.items() for place, text in places.items() if shows(text, value)]
    assert found == []


def test_the_ingress_serves_the_ui_over_https(cluster: Cluster, stack: Stack, consul: Consul) -> None:
    outputs = stack.outputs()
    host = outputs["uiUrl"].removeprefix("https://")
    trusted = ssl.create_default_context(cadata=outputs["caCertificate"])

    def page(asked: str) -> httpx.Response:
        url = f"https://127.0.0.1:{cluster.https_port}/ui/"
        with httpx.Client(verify=trusted, timeout=5) as client:
            return client.get(url, headers={"Host": asked}, extensions={"sni_hostname": host})

    def title() -> bool:
        return "<title>Consul" in page(host).text

    assert wait_for("answer of the UI", title)
    assert page("other.localhost").status_code == httpx.codes.NOT_FOUND
    plain = httpx.get(f"http://127.0.0.1:{cluster.http_port}/ui/", headers={"Host": host}, timeout=5)
    assert plain.status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize("pod", ["consul-0", "consul-client-0"])
def test_plain_http_is_only_reachable_inside_the_pod(consul: Consul, pod: str) -> None:
    consul.wait_members(pod)
    # Call from the pod itself, so that it is not a NetworkPolicy that refuses.
    refused = consul.consul("members", f"-http-addr=http://{consul.address(pod)}:8500", pod=pod, check=False)
    assert "connection refused" in refused
