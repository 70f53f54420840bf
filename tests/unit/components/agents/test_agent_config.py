"""The agents' configuration files."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from components.agents import agent_config
from components.settings import Settings
from tests.support.graph import development, production

JOIN = "consul.consul.svc"


def settings() -> st.SearchStrategy[Settings]:
    return st.builds(
        development,
        server_replicas=st.sampled_from([1, 3]),
        client_replicas=st.integers(0, 9),
        datacenter=st.sampled_from(["dc1", "eu-west"]),
        raft_multiplier=st.integers(1, 10),
        log_level=st.sampled_from(["debug", "info"]),
    )


@given(settings())
def test_every_agent_verifies_servers_and_runs_no_remote_commands(of: Settings) -> None:
    for config in (agent_config.server_config(of, JOIN), agent_config.client_config(of, JOIN)):
        assert config["tls"]["defaults"]["verify_outgoing"] is True
        assert config["tls"]["internal_rpc"]["verify_server_hostname"] is True
        assert config["tls"]["defaults"]["tls_min_version"] == "TLSv1_2"
        assert config["ports"]["grpc"] == -1, "gRPC without TLS"
        assert config["addresses"]["http"] == "127.0.0.1", "HTTP without TLS beyond the pod"
        assert config["disable_remote_exec"] is True
        assert config["enable_script_checks"] is config["enable_local_script_checks"] is False
        assert config["limits"]["http_max_conns_per_client"] == agent_config.MAX_CONNECTIONS


def test_servers_verify_callers_and_clients_get_certificates_from_servers() -> None:
    server, client = (
        agent_config.server_config(development(), JOIN),
        agent_config.client_config(development(), JOIN),
    )
    assert server["tls"]["internal_rpc"]["verify_incoming"] is True
    assert server["auto_encrypt"] == {"allow_tls": True}
    assert client["auto_encrypt"] == {"tls": True}
    assert "key_file" not in client["tls"]["defaults"]


def test_the_number_of_servers_changes_the_bootstrap_file_only() -> None:
    three = development()
    five = development(server_replicas=5, storage_nodes=("a", "b", "c", "d", "e"))
    assert agent_config.bootstrap_config(three) != agent_config.bootstrap_config(five)
    assert agent_config.server_config(three, JOIN) == agent_config.server_config(five, JOIN)
    assert agent_config.client_config(three, JOIN) == agent_config.client_config(five, JOIN)


def test_no_deprecated_flat_key() -> None:
    flat = {"ca_file", "cert_file", "key_file", "verify_incoming", "verify_outgoing", "verify_server_hostname"}
    for config in (agent_config.server_config(production(), JOIN), agent_config.client_config(production(), JOIN)):
        assert not flat & config.keys()


@given(st.text(min_size=1))
def test_a_gossip_key_is_32_bytes_and_differs_from_its_source(text: str) -> None:
    key = agent_config.gossip_key(text)
    assert len(base64.b64decode(key, validate=True)) == 32
    assert key == agent_config.gossip_key(text)
    assert len(text) < 8 or text not in key


@given(settings())
def test_the_same_settings_give_the_same_text(of: Settings) -> None:
    text = agent_config.render(agent_config.server_config(of, JOIN))
    assert text == agent_config.render(dict(reversed(agent_config.server_config(of, JOIN).items())))
    assert json.loads(text)["datacenter"] == of.datacenter
