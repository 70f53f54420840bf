"""Keys and tokens are rotated while the agents run: no write is lost, and the old ones are useless afterwards."""

import json
import socket
import ssl
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPSConnection
from threading import Event, Thread
from typing import Any

from tests.support.certificates import issuers
from tests.support.consul import Consul, client_names, server_names, wait_for
from tests.support.load import Load, judge
from tests.support.operations import consul_cluster, rotate
from tests.support.settings import E2E_DEVELOPMENT
from tests.support.stack import Stack
from tests.support.strangers import acl, agent, forget, member, static_tls_config, tls_config
from tools.devcluster.cluster import Cluster

SERVERS, CLIENTS = server_names(3), client_names(3)


@contextmanager
def calling(port: int, trust: ssl.SSLContext) -> Generator[list[str]]:
    """Call the UI through the Ingress in the block, four times a second; yield the list of the calls that fail."""
    failed: list[str] = []
    stop = Event()

    def call() -> None:
        while not stop.wait(0.25):
            connection = HTTPSConnection(str(E2E_DEVELOPMENT["ingressHost"]), port, timeout=5, context=trust)
            try:
                # The host's name need not be known to the system.
                connection.sock = trust.wrap_socket(
                    socket.create_connection(("127.0.0.1", port), 5), server_hostname=connection.host
                )
                connection.request("GET", "/v1/status/leader")
                if connection.getresponse().status != 200:
                    failed.append("no answer")
            except OSError as error:
                failed.append(str(error))
            finally:
                connection.close()

    thread = Thread(target=call, daemon=True)
    thread.start()
    try:
        yield failed
    finally:
        stop.set()
        thread.join()


def test_one_command_rotates_the_ca(cluster: Cluster, stack: Stack, consul: Consul) -> None:
    settings = stack.settings
    old, gossip_key = stack.outputs()["caCertificate"], stack.outputs()["gossipKey"]
    before = consul.secret("consul-client")
    agents, restarts = consul.uids(), consul.restarts()
    with stack.configured(settings | {"caKeys": [2]}):
        assert "caKeys cannot change from [1] to [2]" in " ".join(stack.preview(check=False).split())
    trust = ssl.create_default_context(cadata=old)
    with Load(consul, old) as load, calling(cluster.https_port, trust) as failed:
        # As a project does which uses the output: it trusts both CAs before the new one signs.
        stack.configure(settings | {"caKeys": [1, 2]})
        stack.up()
        both = stack.outputs()["caCertificate"]
        assert both.startswith(old)
        assert issuers(consul) == {"CN=Consul CA"}
        trust.load_verify_locations(cadata=both)
        load.trust(both)
        assert consul.uids() == agents
        # As docs/operations.md advises if somebody has changed the gossip keys.
        stack.up("--target-replace", "**Job::consul-health")
        printed = consul_cluster(stack, *rotate(stack, "ca"))
    assert "All 6 agents trust CA 2 alone and have its certificates; the old CA verifies none of them" in printed
    assert "none is lost" in printed
    judge(load.history)
    # Four updates, each with a start of Pulumi on the same machine, and a restart of each client.
    assert load.longest_gap() <= 1
    assert failed == []
    new = stack.outputs()["caCertificate"]
    assert both == old + new
    assert issuers(consul) == {"CN=Consul CA 2"}
    # Only the clients restart, so that they forget what servers have told them about the old CA.
    assert {name: consul.uids()[name] for name in SERVERS} == {name: agents[name] for name in SERVERS}
    assert not CLIENTS & {name for name, uid in consul.uids().items() if uid == agents[name]}
    assert {name: consul.restarts()[name] for name in SERVERS} == {name: restarts[name] for name in SERVERS}
    keys = {of["urn"].rpartition("::")[2] for of in stack.deployment() if of["type"].endswith(":PrivateKey")}
    assert {key for key in keys if "-ca" in key} == {"consul-ca-2"}
    stack.configure(settings | {"caKeys": [2]})
    stack.preview("--expect-no-changes")

    # Agents with the old CA trust no server, and servers refuse calls with a certificate of the old CA.
    joining = {"encrypt": gossip_key} | tls_config() | acl(consul.token)
    with_certificate = {"encrypt": gossip_key} | static_tls_config() | acl(consul.token)
    pairs = {
        name: {file: certificates[file] for file in ("client.pem", "client-key.pem")}
        for name, certificates in (("former", before), ("present", consul.secret("consul-client")))
    }
    with (
        agent(consul, "outdated", joining, old),
        agent(consul, "former", with_certificate, new, pairs["former"]),
        agent(consul, "present", with_certificate, new, pairs["present"]),
    ):
        wait_for("complaint", lambda: "certificate signed by unknown authority" in consul.kubectl("logs", "outdated"))
        wait_for("two more members", lambda: {"former", "present"} <= consul.alive())
        put = ("kv", "put", "-token", consul.token)
        wait_for("answer", lambda: "Success" in consul.consul(*put, "present", "here", pod="present", check=False))
        wait_for("refusal", lambda: "rpc error" in consul.kubectl("logs", "former"))
        assert "Error!" in consul.consul(*put, "former", "here", pod="former", check=False)
        assert "outdated" not in {of.name for of in consul.members()}
    for name in ("former", "present"):
        forget(consul, name)
    assert "No key exists" in consul.consul("kv", "get", "former", check=False)


def test_one_command_rotates_the_gossip_key(stack: Stack, consul: Consul) -> None:
    old, ca = stack.outputs()["gossipKey"], stack.outputs()["caCertificate"]
    agents, restarts = consul.uids(), consul.restarts()
    with Load(consul, ca) as load:
        printed = consul_cluster(stack, *rotate(stack, "gossip"))
    new = stack.outputs()["gossipKey"]
    assert new != old
    assert consul.keyring() == [new]
    assert consul.gossip_keys() == {new: "[6/6]"}
    assert (consul.uids(), consul.restarts()) == (agents, restarts)
    judge(load.history)
    assert load.longest_gap() <= 0.5
    assert "All 6 members accept and use the gossip key 2 alone" in printed
    assert "none is lost" in printed
    assert not [key for key in (old, new) if key in printed]
    with member(consul, "outdated", old, ca):
        wait_for("three refusals", lambda: consul.kubectl("logs", "outdated").count("Join cluster failed") >= 3)
        assert "outdated" not in {of.name for of in consul.members()}
    with member(consul, "updated", new, ca):
        wait_for("an agent with the new key", lambda: "updated" in consul.alive())
    forget(consul, "updated")
    stack.configure(stack.settings | {"gossipKeys": [2]})
    # A container that restarts has the keys of its agent.
    for pod in ("consul-client-0", "consul-2"):
        consul.kubectl("exec", pod, "--", "kill", "1")
        wait_for(f"restart of {pod}", lambda pod=pod: consul.restarts()[pod] > restarts[pod])
    consul.wait_healthy()


def test_one_command_rotates_the_tokens(stack: Stack, consul: Consul) -> None:
    settings, before = stack.settings, stack.outputs()
    old = tokens_of(consul, before)
    agents, restarts = consul.uids(), consul.restarts()
    rotated = ("managementKeys", "agentKeys", "metricsKeys", "serviceKeys")
    with stack.configured(settings | {"metricsKeys": [2]}):
        assert "metricsKeys cannot change from [1] to [2]" in " ".join(stack.preview(check=False).split())
    started = time.monotonic()
    with Load(consul, before["caCertificate"]) as load:
        # As another project does: it takes the new tokens after the first step.
        stack.configure(settings | {key: [2, 1] for key in rotated})
        stack.up()
        between = stack.outputs()
        consul = replace(consul, token=between["managementToken"])
        new = tokens_of(consul, between)
        assert not set(old.values()) & set(new.values())
        assert [name for name, token in (old | new).items() if not known(consul, token)] == []
        load.authenticate(consul.token)
        printed = consul_cluster(stack, *rotate(stack, "tokens"))
    # No client has used a token that Consul did not know. A server that restarts does not know new tokens before it has
    # the newest entries of the Raft log.
    since = f"--since={time.monotonic() - started:.0f}s"
    assert [pod for pod in CLIENTS if "ACL not found" in consul.kubectl("logs", pod, since)] == []
    assert "Step 1 of 1: managementKeys is [2], agentKeys is [2]" in printed
    assert "declared tokens, and none of the" in printed
    assert "none is lost" in printed
    assert not [name for name, token in (old | new).items() if token in printed]
    assert [name for name, token in old.items() if known(consul, token)] == []
    assert [name for name, token in new.items() if not known(consul, token)] == []
    # Servers do not reload the management token.
    after = consul.uids()
    assert {name: after[name] for name in CLIENTS} == {name: agents[name] for name in CLIENTS}
    assert not SERVERS & {name for name, uid in after.items() if uid == agents[name]}
    assert {name: consul.restarts()[name] for name in CLIENTS} == {name: restarts[name] for name in CLIENTS}
    judge(load.history)
    assert load.longest_gap() <= 1
    assert stack.outputs() == between
    stack.configure(settings | {key: [2] for key in rotated})
    stack.preview("--expect-no-changes")


def tokens_of(consul: Consul, outputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the tokens in the outputs and in the agents' Secret, by name."""
    files = consul.secret("consul-agent-acl")
    agents = {name: files[name] for name in ("server-token", "client-token", "health-token")}
    dns = json.loads(files["client-acl.json"])["acl"]["tokens"]["dns"]
    services = {f"service {name}": token for name, token in outputs["serviceTokens"].items()}
    management, metrics = outputs["managementToken"], outputs["metricsToken"]
    return {**agents, "dns": dns, **services, "management": management, "metrics": metrics}


def known(consul: Consul, token: str) -> bool:
    """Return whether Consul accepts a token."""
    printed = replace(consul, token=token).consul("acl", "token", "read", "-self", check=False)
    assert ("AccessorID" in printed) != ("ACL not found" in printed), printed
    return "AccessorID" in printed
