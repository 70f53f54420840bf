"""A rotation of the CA that is killed again and again goes on."""

import json

import pytest

from tests.support.certificates import issuers
from tests.support.consul import Consul, wait_for
from tests.support.load import Load, judge
from tests.support.operations import consul_cluster, generations, killed, rotate
from tests.support.stack import Stack


# It takes about nine minutes.
@pytest.mark.soak
def test_a_rotation_that_is_killed_before_and_in_each_step_goes_on(stack: Stack, consul: Consul) -> None:
    def version(kind: str, name: str, field: str) -> str:
        return consul.kubectl("get", kind, name, "--output", f"jsonpath={{.metadata.{field}}}")

    certificates = ("secret", "consul", "resourceVersion")
    steps = [certificates, certificates, certificates, ("statefulset", "consul-client", "generation")]
    victims = iter(("consul-client-0", "consul-client-1", "consul-client-2", "consul-client-0"))
    with Load(consul, stack.outputs()["caCertificate"]) as load:
        for number, changed in enumerate(steps):
            # The step before was killed, so the command first takes it again.
            step = f"Step {2 if number else 1} of "
            with killed(stack, *rotate(stack, "ca")):
                wait_for(step, lambda step=step: step in stack.update_log.read_text(), 240)
            stack.pulumi("cancel", "--yes", check=False)
            before = version(*changed)
            with killed(stack, *rotate(stack, "ca")):
                wait_for(
                    "the middle of the step",
                    lambda changed=changed, before=before: version(*changed) != before,
                    240,
                )
                consul.kubectl("delete", "pod", consul.leader(), next(victims), "--force", "--grace-period=0")
            stack.pulumi("cancel", "--yes")
            if number == 0:
                load.trust(consul.secret("consul")["ca.pem"])
        printed = consul_cluster(stack, *rotate(stack, "ca"))
    (generation,) = json.loads(generations(stack, "caKeys"))
    assert f"All 6 agents trust CA {generation} alone and have its certificates" in printed
    assert issuers(consul) == {f"CN=Consul CA {generation}"}
    consul.wait_healthy()
    judge(load.history)
