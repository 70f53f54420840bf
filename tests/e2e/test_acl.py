"""ACLs: each token may do what it needs, and nothing else."""

import json

import pytest

from tests.support.consul import Consul, wait_for
from tests.support.stack import Stack

PODS = ["consul-0", "consul-client-0"]
ANONYMOUS = "unset CONSUL_HTTP_TOKEN_FILE; "


@pytest.mark.parametrize("pod", PODS)
def test_members_needs_no_flags(consul: Consul, pod: str) -> None:
    consul.wait_members(pod)


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        # The token may see no member. An error would have the exit code 1.
        ("members", "exit code 2"),
        ("catalog nodes", "No nodes match the given query"),
        ("catalog services", "No services match the given query"),
        ("kv get anything", "Permission denied"),
        ("kv put anything x", "Permission denied"),
        ("operator raft list-peers", "Permission denied"),
        ("acl token list", "Permission denied"),
        ("info", "Permission denied"),
        ("services register -name=evil", "Permission denied"),
        ("event -name=evil", "Permission denied"),
        ("snapshot save /tmp/x", "Permission denied"),
    ],
)
def test_the_anonymous_token_can_do_nothing(consul: Consul, pod: str, command: str, answer: str) -> None:
    def refused() -> bool:
        said = consul.run(pod, "sh", "-c", f"{ANONYMOUS} consul {command}", check=False)
        assert answer in said
        return True

    # Retry, because the connection may close before the answer to a snapshot request arrives:
    # https://github.com/hashicorp/consul/issues/6893
    wait_for("refusal", refused, 10)


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize(
    "command", ["kv get anything", "kv put anything x", "acl token list", "services register -name=x"]
)
def test_an_agents_token_allows_only_the_agents_own_calls(consul: Consul, pod: str, command: str) -> None:
    assert "Permission denied" in consul.run(pod, "sh", "-c", f"consul {command}", check=False)


def test_a_client_cannot_make_operator_calls(consul: Consul) -> None:
    assert "Permission denied" in consul.run("consul-client-0", "consul", "operator", "raft", "list-peers", check=False)
    assert "leader" in consul.run("consul-0", "consul", "operator", "raft", "list-peers")


@pytest.mark.parametrize("pod", PODS)
def test_dns_shows_only_nodes_and_services_to_everyone(consul: Consul, pod: str) -> None:
    def lookup(name: str) -> str:
        return consul.run(pod, "nslookup", "-port=8600", name, "127.0.0.1", check=False)

    for name in ("consul.service.consul", "consul-client-1.node.consul"):
        assert "Name:" in lookup(name), name
    policy = consul.consul("acl", "policy", "read", "-name=consul-cluster-dns").partition("Rules:\n")[2]
    rules = ['node_prefix "" { policy = "read" }', 'service_prefix "" { policy = "read" }']
    assert [line for line in policy.splitlines() if line.strip()] == rules


def test_the_management_token_is_in_the_outputs_and_in_the_servers_files(stack: Stack, consul: Consul) -> None:
    assert consul.consul("acl", "token", "read", "-self").count("global-management") == 1
    in_pod = consul.run("consul-0", "cat", "/consul/acl/management-token")
    assert in_pod == stack.outputs()["managementToken"]
    assert "No such file" in consul.run("consul-client-0", "cat", "/consul/acl/management-token", check=False)


def test_nobody_can_run_a_command_through_consul(consul: Consul) -> None:
    check = {"Name": "evil", "Check": {"Args": ["sh", "-c", "id"], "Interval": "10s"}}
    call = 'curl -sS -H "X-Consul-Token: $(cat)" -X PUT http://127.0.0.1:8500/v1/agent/service/register -d "$1"'
    said = consul.run("consul-0", "sh", "-c", call, "sh", json.dumps(check), stdin=consul.token)
    assert "Scripts are disabled on this agent" in said
    assert "0 / 0 node(s) completed / acknowledged" in consul.consul("exec", "-wait=1s", "id", check=False)


def test_a_services_token_is_revoked_when_it_is_no_longer_declared(stack: Stack, consul: Consul) -> None:
    before = consul.uids()
    tokens = stack.settings["serviceTokens"]
    web = Consul(consul.kubeconfig, consul.namespace, stack.outputs()["serviceTokens"]["web"])
    stack.configure(stack.settings | {"serviceTokens": ["api"]})
    stack.up()
    try:
        api = Consul(consul.kubeconfig, consul.namespace, stack.outputs()["serviceTokens"]["api"])
        assert "service:api" in api.consul("acl", "token", "read", "-self").replace(
            "Service Identities:\n   ", "service:"
        )
        assert "ACL not found" in web.consul("acl", "token", "read", "-self", check=False)
    finally:
        stack.configure(stack.settings | {"serviceTokens": tokens})
        stack.up()
    assert "web" in web.consul("acl", "token", "read", "-self")
    after = consul.uids()
    assert after == before, "an agent was restarted"


def test_a_token_that_was_made_by_hand_stays_and_lost_tokens_are_made_again(stack: Stack, consul: Consul) -> None:
    tokens: list[dict[str, str]] = json.loads(consul.consul("acl", "token", "list", "-format=json"))
    # Without a management token, Consul could not be repaired.
    own = {token["Description"] for token in tokens if token["Description"].startswith("consul-cluster ")}
    lost = {description for description in own if "management" not in description}
    assert len(lost) == 6
    for token in tokens:
        if token["Description"] in lost:
            consul.consul("acl", "token", "delete", "-accessor-id", token["AccessorID"])
    by_hand = "consul-cluster made by hand"
    consul.consul("acl", "token", "create", f"-description={by_hand}", "-service-identity=web")
    try:
        # As docs/operations.md says.
        stack.up("--target-replace", "**Job::consul-acl")
        after = json.loads(consul.consul("acl", "token", "list", "-format=json"))
        assert lost | {by_hand} <= {token["Description"] for token in after}
    finally:
        for token in json.loads(consul.consul("acl", "token", "list", "-format=json")):
            if token["Description"] == by_hand:
                consul.consul("acl", "token", "delete", "-accessor-id", token["AccessorID"])
    consul.wait_healthy()
    stack.preview("--expect-no-changes")
