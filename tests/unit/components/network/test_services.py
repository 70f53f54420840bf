"""The servers' Services."""

from tests.support.graph import declare, development, server_addresses


def test_a_service_that_is_created_again_gets_the_address_that_its_server_advertises() -> None:
    state = server_addresses("consul", **{"consul-1": "10.96.0.7"})
    services = declare(development(), state).of_kind("Service")
    assert services["consul-1"]["spec"]["clusterIP"] == "10.96.0.7"
    assert "clusterIP" not in services["consul-0"]["spec"]
