"""`pulumi up` fails if the running cluster does not match the declaration."""

from typing import Any

from tests.support.consul import Consul, wait_for
from tests.support.stack import Stack
from tests.support.strangers import forget, member


def test_up_fails_and_names_the_problem_until_it_is_repaired(
    stack: Stack, settings: dict[str, Any], consul: Consul
) -> None:
    outputs = stack.outputs()
    with member(consul, "stranger", outputs["gossipKey"], outputs["caCertificate"]):
        wait_for("stranger among the members", lambda: "stranger" in consul.alive())
        stack.configure(settings | {"clientReplicas": 4})
        printed = stack.refused()
        assert "client:stranger is not expected" in printed
        assert "consul-client-3 is not alive" not in printed
    forget(consul, "stranger")
    stack.up()
    consul.wait_healthy(clients=4)
