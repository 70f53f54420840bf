"""Rotations that are killed go on, and keys that others have changed are found, in a stack of their own."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography import x509

from tests.support.certificates import issuers, served
from tests.support.consul import Consul, wait_for
from tests.support.load import Load, judge
from tests.support.operations import consul_cluster, generations, killed, rotate
from tests.support.settings import E2E_PRODUCTION
from tests.support.stack import Stack
from tools.devcluster.cluster import Cluster

# Beside other tests, the machine would be too busy for elections to be quick.
pytestmark = pytest.mark.soak

NAMESPACE = "rotating"


@pytest.fixture(scope="module")
def stack(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield another stack in the Kubernetes of the other tests; destroy it at the end."""
    stack = Stack(tmp_path_factory.mktemp("rotating"), NAMESPACE, kubeconfig=cluster.kubeconfig)
    own = {"environment": "development", "namespace": NAMESPACE, "clientMinReadySeconds": 0}
    stack.configure(E2E_PRODUCTION | own)
    stack.up()
    yield stack
    stack.pulumi("destroy", "--yes", "--skip-preview")


@pytest.fixture
def consul(stack: Stack) -> Consul:
    """Return the Consul cluster of the stack, healthy at the start of each test."""
    consul = Consul(stack.kubeconfig, NAMESPACE, stack.outputs()["managementToken"])
    consul.wait_healthy()
    return consul


def test_the_steps_by_hand(stack: Stack, consul: Consul) -> None:
    settings = stack.settings
    with stack.configured(settings | {"gossipKeys": [2]}):
        assert "gossipKeys cannot change from [1] to [2]" in " ".join(stack.preview(check=False).split())
    for keys in ([1, 2], [2, 1], [2]):
        stack.configure(settings | {"gossipKeys": keys})
        stack.up()
        assert consul.gossip_keys() == dict.fromkeys(consul.keyring(), "[6/6]")
        assert consul.keyring()[0] == stack.outputs()["gossipKey"]
    stack.preview("--expect-no-changes")


def test_keys_that_others_have_changed_are_found_and_set_back(stack: Stack, consul: Consul) -> None:
    foreign = base64.b64encode(bytes(range(32))).decode()
    for change in ("-install", "-use"):
        consul.consul("keyring", change, foreign)
    with stack.configured(stack.settings | {"logLevel": "warn"}):
        assert "which gossipKeys does not list" in stack.refused()
    stack.pulumi("up", "--yes", "--skip-preview", "--target-replace", "**Job::consul-health")
    assert consul.gossip_keys() == dict.fromkeys(consul.keyring(), "[6/6]")
    stack.up()
    stack.preview("--expect-no-changes")


def test_no_other_ca_signs_before_all_agents_trust_it(stack: Stack, consul: Consul) -> None:
    settings, before = stack.settings, consul.secret("consul-client")
    stack.configure(settings | {"caKeys": [1, 2]})
    stack.up()
    both = consul.secret("consul")["ca.pem"]
    # As if somebody restored an old backup of the Secret.
    consul.kubectl(
        "patch", "secret", "consul-client", "--patch-file", "/dev/stdin", stdin=json.dumps({"stringData": before})
    )
    old = x509.load_pem_x509_certificate(before["client.pem"].encode())
    wait_for("the old certificate", lambda: served(consul)["consul-client-0:8501"] == old)
    with stack.configured(settings | {"caKeys": [2, 1]}):
        assert "consul-client-0 does not trust CA 2, which would sign" in stack.refused()
    assert consul.secret("consul")["ca.pem"] == both
    assert consul.secret("consul-client") == before
    stack.up()
    assert issuers(consul) == {"CN=Consul CA"}
    assert served(consul)["consul-client-0:8501"] != old
    stack.configure(settings)
    stack.up()


def test_a_killed_rotation_of_the_tokens_goes_on(stack: Stack, consul: Consul) -> None:
    def management() -> str:
        return consul.secret("consul-agent-acl")["management-token"]

    def jobs() -> set[str]:
        return {job["metadata"]["uid"] for job in consul.objects("jobs", "-l", "app.kubernetes.io/name=consul-acl")}

    with Load(consul, stack.outputs()["caCertificate"]) as load:
        # The first step changes the agents' Secret, and the last one ends the old tokens.
        for changed, victim in ((management, "consul-client-0"), (jobs, "consul-client-1")):
            setting = generations(stack, "serviceKeys")
            with killed(stack, *rotate(stack, "tokens")):
                wait_for("the next setting", lambda old=setting: generations(stack, "serviceKeys") != old, 240)
            stack.pulumi("cancel", "--yes", check=False)
            before = changed()
            with killed(stack, *rotate(stack, "tokens")):
                wait_for(
                    "the middle of the step", lambda old=before, changed=changed: changed() not in (old, set()), 240
                )
                leader = replace(consul, token=management()).leader()
                consul.kubectl("delete", "pod", leader, victim, "--force", "--grace-period=0")
            stack.pulumi("cancel", "--yes")
            load.authenticate(management())
        printed = consul_cluster(stack, *rotate(stack, "tokens"))
    assert "declared tokens, and none of the" in printed
    assert management() == stack.outputs()["managementToken"] != consul.token
    replace(consul, token=management()).wait_healthy()
    judge(load.history)


def test_a_killed_rotation_of_the_gossip_key_goes_on(stack: Stack, consul: Consul) -> None:
    victims = iter(("consul-client-0", "consul-client-1", "consul-client-2"))
    with Load(consul, stack.outputs()["caCertificate"]) as load:
        for _step in ("install", "use", "remove"):
            setting, keys = generations(stack, "gossipKeys"), consul.keyring()
            with killed(stack, *rotate(stack, "gossip")):
                wait_for(
                    "the next setting", lambda old=setting: generations(stack, "gossipKeys") not in (None, old), 240
                )
            stack.pulumi("cancel", "--yes", check=False)
            with killed(stack, *rotate(stack, "gossip")):
                wait_for("the keys of the next step", lambda old=keys: consul.keyring() != old, 240)
                consul.kubectl("delete", "pod", consul.leader(), next(victims), "--force", "--grace-period=0")
            stack.pulumi("cancel", "--yes")
        printed = consul_cluster(stack, *rotate(stack, "gossip"))
    assert "All 6 members accept and use the gossip key 3 alone" in printed
    assert consul.gossip_keys() == {stack.outputs()["gossipKey"]: "[6/6]"}
    consul.wait_healthy()
    judge(load.history)
