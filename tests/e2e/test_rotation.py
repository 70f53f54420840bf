"""Keys change while the agents run: no agent restarts, no write is lost, and the old key is useless afterwards."""

import base64
import json
from typing import Any

import yaml

from tests.support.consul import Consul, wait_for
from tests.support.load import Load, judge
from tests.support.operations import consul_cluster, killed
from tests.support.stack import Stack
from tests.support.strangers import forget, member


def keyring(consul: Consul) -> list[str]:
    """Return the gossip keys in the Secret that new pods read, the primary key first."""
    jsonpath = r"jsonpath={.data.local\.keyring}"
    return json.loads(base64.b64decode(consul.kubectl("get", "secret", "consul-gossip", "--output", jsonpath)))


def generations(stack: Stack) -> Any:
    """Return the setting `gossipKeys` of the stack; None if it has none, or while Pulumi writes the file."""
    settings: dict[str, dict[str, Any]] = yaml.safe_load(stack.settings_file.read_text()) or {}
    return settings.get("config", {}).get("consul-cluster:gossipKeys")


def rotate(stack: Stack) -> tuple[str, ...]:
    """Return the arguments of the command."""
    return ("rotate", "gossip", stack.name, "--yes", "--config-file", str(stack.settings_file))


def test_one_command_rotates_the_gossip_key(stack: Stack, consul: Consul) -> None:
    old, ca = stack.outputs()["gossipKey"], stack.outputs()["caCertificate"]
    agents, restarts = consul.uids(), consul.restarts()
    with Load(consul, ca) as load:
        printed = consul_cluster(stack, *rotate(stack))
    new = stack.outputs()["gossipKey"]
    assert new != old
    assert keyring(consul) == [new]
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
    # A container that restarts has the keys of its agent.
    for pod in ("consul-client-0", "consul-2"):
        consul.kubectl("exec", pod, "--", "kill", "1")
        wait_for(f"restart of {pod}", lambda pod=pod: consul.restarts()[pod] > restarts[pod])
    consul.wait_healthy()


def test_a_rotation_that_is_killed_before_and_in_each_step_goes_on(stack: Stack, consul: Consul) -> None:
    victims = iter(("consul-client-0", "consul-client-1", "consul-client-2"))
    with Load(consul, stack.outputs()["caCertificate"]) as load:
        for _step in ("install", "use", "remove"):
            setting, keys = generations(stack), keyring(consul)
            with killed(stack, *rotate(stack)):
                wait_for("the next setting", lambda old=setting: generations(stack) not in (None, old), 240)
            stack.pulumi("cancel", "--yes", check=False)
            with killed(stack, *rotate(stack)):
                wait_for("the keys of the next step", lambda old=keys: keyring(consul) != old, 240)
                consul.kubectl("delete", "pod", consul.leader(), next(victims), "--force", "--grace-period=0")
            stack.pulumi("cancel", "--yes")
        printed = consul_cluster(stack, *rotate(stack))
    assert "All 6 members accept and use the gossip key 3 alone" in printed
    assert consul.gossip_keys() == {stack.outputs()["gossipKey"]: "[6/6]"}
    consul.wait_healthy()
    judge(load.history)


def test_the_steps_by_hand(stack: Stack, settings: dict[str, Any], consul: Consul) -> None:
    with stack.configured(settings | {"gossipKeys": [1]}):
        assert "gossipKeys cannot change from [3] to [1]" in " ".join(stack.preview(check=False).split())
    for keys in ([3, 1], [1, 3], [1]):
        stack.configure(settings | {"gossipKeys": keys})
        stack.up()
        assert consul.gossip_keys() == dict.fromkeys(keyring(consul), "[6/6]")
        assert keyring(consul)[0] == stack.outputs()["gossipKey"]
    stack.configure(settings)
    stack.preview("--expect-no-changes")


def test_keys_that_others_have_changed_are_found_and_set_back(
    stack: Stack, settings: dict[str, Any], consul: Consul
) -> None:
    foreign = base64.b64encode(bytes(range(32))).decode()
    for change in ("-install", "-use"):
        consul.consul("keyring", change, foreign)
    with stack.configured(settings | {"logLevel": "warn"}):
        assert "which gossipKeys does not list" in stack.refused()
    stack.pulumi("up", "--yes", "--skip-preview", "--target-replace", "**Job::consul-health")
    assert consul.gossip_keys() == dict.fromkeys(keyring(consul), "[6/6]")
    stack.up()
    stack.preview("--expect-no-changes")
