"""Changed settings roll out without losing a leader for long, and without losing a key."""

import itertools
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.consul import Consul, client_names, server_names, wait_for
from tests.support.pods import INSIDE, pod, running
from tests.support.settings import E2E_DEVELOPMENT, E2E_FIRST
from tests.support.stack import Stack

# The longest allowed time without an acknowledged write. An election takes about 2 s with raft_multiplier 1, and Consul
# holds a call for up to 7 s during an election (rpc_hold_timeout).
LONGEST_GAP_SECONDS = 10

# Prints a line for each acknowledged write: its number and the time.
WRITER = """
i=0
while :; do
    consul kv put "written/$i" "$i" >/dev/null && echo "$i $(date +%s)" && i=$((i + 1))
    sleep 0.2
done
"""


@contextmanager
def writes(stack: Stack, consul: Consul) -> Generator[None]:
    """Write continuously through the HTTPS Service.

    At the end, check that every acknowledged write is stored, and that there was no long gap between two writes.
    """
    outputs = stack.outputs()
    token = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "writer"},
        "stringData": {"token": consul.token},
    }
    writer = pod(
        "writer",
        ["sh", "-c", WRITER],
        labels=INSIDE,
        env={
            "CONSUL_HTTP_ADDR": outputs["httpsAddress"],
            "CONSUL_CACERT": "/tls/ca.pem",
            "CONSUL_HTTP_TOKEN_FILE": "/acl/token",
        },
        volumes={
            "/tls": {"secret": {"secretName": outputs["secretName"]}},
            "/acl": {"secret": {"secretName": "writer"}},
        },
    )
    with running(consul, token, writer):
        wait_for("first writes", lambda: acknowledged(consul))
        yield
        end = len(acknowledged(consul))
        wait_for("writes at the end", lambda: len(acknowledged(consul)) > end + 2)
        times = acknowledged(consul)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(gaps) <= LONGEST_GAP_SECONDS
    stored = consul.consul("kv", "get", "-keys", "written/").split()
    assert {f"written/{number}" for number in range(len(times))} <= set(stored)
    consul.consul("kv", "delete", "-recurse", "written/")


def acknowledged(consul: Consul) -> list[int]:
    """Return when each write was acknowledged, in seconds since the epoch. The index is the number of the write."""
    return [int(line.split()[1]) for line in consul.kubectl("logs", "writer").splitlines() if line[0].isdigit()]


def test_clients_scale_up_and_down(stack: Stack, settings: dict[str, Any], consul: Consul) -> None:
    servers = consul.uids("server")
    for clients in (4, 3):
        stack.configure(settings | {"clientReplicas": clients})
        stack.up()
        # No wait here: `up` must have waited.
        assert consul.alive() == server_names(3) | client_names(clients)
    assert consul.uids("server") == servers


def test_servers_scale_up_and_down_with_every_key(stack: Stack, settings: dict[str, Any], consul: Consul) -> None:
    before = consul.uids()
    with writes(stack, consul):
        for servers in (5, 3):
            stack.configure(settings | {"serverReplicas": servers})
            stack.up()
            assert {peer.name for peer in consul.peers() if peer.voter} == server_names(servers)
            autopilot = consul.consul("operator", "autopilot", "get-config")
            assert f"MinQuorum = {servers}" in autopilot
            with stack.configured(settings | {"logLevel": "warn"}):
                printed = " ".join(stack.preview(check=servers == 3).split())
            assert ("change the number alone" in printed) is (servers == 5)
            # Make a server the leader that the next step removes.
            consul.lead(f"consul-{servers - 1}")
    after = consul.uids()
    assert after == before, "a running agent was restarted"


def test_a_changed_setting_restarts_one_server_at_a_time(stack: Stack, consul: Consul) -> None:
    assert stack.settings == E2E_FIRST
    stack.configure(E2E_DEVELOPMENT)
    before = consul.uids("server")
    with consul.without("consul-0"):
        refused = stack.refused()
        assert "consul-0 is not" in refused
        assert "allowDegraded" in refused
    consul.wait_healthy()
    before |= {"consul-0": consul.uids("server")["consul-0"]}
    assert consul.uids("server") == before

    # Once the server is back, the same update succeeds.
    with writes(stack, consul), consul.watched("server", 3) as missing:
        stack.up()
    assert not set(before.values()) & set(consul.uids("server").values())
    assert max(missing) == 1, "more than one server was gone at a time"
    requested = {server["spec"]["containers"][0]["resources"]["requests"]["cpu"] for server in consul.agents("server")}
    assert requested == {"100m"}


def test_a_preview_of_a_running_cluster_needs_no_cluster(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = stack.settings | {"logLevel": "warn", "clientReplicas": 4}
    with stack.configured(changed):
        expected = summary(stack.preview())
    assert "to update" in expected
    monkeypatch.setitem(stack.environment, "KUBECONFIG", "/nonexistent/kubeconfig")
    stack.preview("--refresh=false", "--expect-no-changes")
    with stack.configured(changed):
        assert summary(stack.preview("--refresh=false")) == expected


def summary(printed: str) -> str:
    """Return how many resources a preview creates, updates, replaces and deletes."""
    return printed.partition("Resources:")[2].partition("\n\n")[0]


@contextmanager
def servers_in_state(
    stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], None]
) -> Generator[None]:
    """Change the spec of the servers' StatefulSet in the stack's state only, and hide the cluster from previews."""
    exported = stack.pulumi("stack", "export").stdout
    changed = json.loads(exported)
    (servers,) = [of for of in changed["deployment"]["resources"] if of["urn"].endswith("StatefulSet::consul")]
    for properties in ("inputs", "outputs"):
        change(servers[properties]["spec"])
    monkeypatch.setitem(stack.environment, "KUBECONFIG", "/nonexistent/kubeconfig")
    file, original = folder / "changed.json", folder / "original.json"
    file.write_text(json.dumps(changed))
    original.write_text(exported)
    stack.pulumi("stack", "import", "--file", str(file))
    try:
        yield
    finally:
        stack.pulumi("stack", "import", "--file", str(original))


def test_after_an_interrupted_update_the_running_servers_are_counted(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The state after an interrupted update from 7 to 3 servers: the record has 3, and the StatefulSet still has 7.
    def seven(spec: dict[str, Any]) -> None:
        spec["replicas"] = 7

    with servers_in_state(stack, tmp_path, monkeypatch, seven):
        printed = stack.preview("--refresh=false", check=False)
        assert "cannot change from 7 to 3: 4 servers would go at once" in " ".join(printed.split())
        with stack.configured(stack.settings | {"serverReplicas": 5}):
            stack.preview("--refresh=false")
        with stack.configured(stack.settings | {"serverReplicas": 5, "logLevel": "warn"}):
            stack.preview("--refresh=false")


def test_servers_that_differ_from_the_state_need_another_check(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The state after an update that was interrupted between the pre-flight check and the change of the StatefulSet.
    def old_template(spec: dict[str, Any]) -> None:
        spec["template"]["spec"]["terminationGracePeriodSeconds"] = 1

    with servers_in_state(stack, tmp_path, monkeypatch, old_template):
        printed = " ".join(stack.preview("--refresh=false", check=False).split())
        _, _, command = printed.partition("run the check again: pulumi up --replace '")
        assert command.partition("'")[0].endswith("Job::consul-preflight")
        stack.preview("--refresh=false", "--replace", command.partition("'")[0])
