"""TLS and gossip encryption: agents and callers without the right keys and certificates are refused."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.consul import Consul, server_names, wait_for
from tests.support.stack import Stack
from tests.support.strangers import JOIN, acl, agent, forget, member, tls_config


def foreign_ca() -> str:
    """Return the certificate of another CA with the same name as the cluster's CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Consul CA dc1.consul")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def test_an_agent_with_the_gossip_key_the_ca_and_a_token_joins(stack: Stack, consul: Consul) -> None:
    """The tests below rely on this: they differ in one thing each, and the agent cannot join."""
    outputs = stack.outputs()
    # A name of its own: for 30 s after its end, the servers take no agent of this name at another address.
    with member(consul, "newcomer", outputs["gossipKey"], outputs["caCertificate"]):
        wait_for("the newcomer among the members", lambda: "newcomer" in consul.alive())
    forget(consul, "newcomer")


def test_an_agent_without_a_token_cannot_join(stack: Stack, consul: Consul) -> None:
    outputs = stack.outputs()
    # A service's token is valid, but does not allow an agent to register its node.
    config = {"encrypt": outputs["gossipKey"]} | tls_config() | acl(outputs["serviceTokens"]["web"])
    with agent(consul, "stranger", config, outputs["caCertificate"]):
        wait_for("refusal", lambda: "lacks permission 'node:write'" in consul.kubectl("logs", "stranger"))
        assert "stranger" not in {member.name for member in consul.members()}


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({}, id="plain"),
        pytest.param({"encrypt": base64.b64encode(bytes(32)).decode()}, id="wrong gossip key"),
    ],
)
def test_an_agent_without_the_gossip_key_cannot_join(consul: Consul, config: dict[str, Any]) -> None:
    with agent(consul, "stranger", config, ""):
        wait_for("three refusals", lambda: consul.kubectl("logs", "stranger").count("Join cluster failed") >= 3)
        address = consul.address("stranger")
        logs = "".join(consul.kubectl("logs", server) for server in server_names(3))
        refused = [line for line in logs.splitlines() if f"from={address}" in line]
        assert any("not encrypted" in line or "No installed keys could decrypt" in line for line in refused), logs
        assert "stranger" not in {member.name for member in consul.members()}


def test_an_agent_that_trusts_another_ca_cannot_join(stack: Stack, consul: Consul) -> None:
    config = {"encrypt": stack.outputs()["gossipKey"]} | tls_config()
    with agent(consul, "stranger", config, foreign_ca()):
        wait_for("complaint", lambda: "certificate signed by unknown authority" in consul.kubectl("logs", "stranger"))
        assert "stranger" not in {member.name for member in consul.members()}


def test_a_call_without_a_certificate_is_refused(stack: Stack, consul: Consul) -> None:
    """With the gossip key but without TLS, an agent becomes a member, but no server answers its calls."""
    with agent(consul, "stranger", {"encrypt": stack.outputs()["gossipKey"]}, ""):
        wait_for("the stranger among the members", lambda: "stranger" in consul.alive())
        wait_for("refusal", lambda: "rpc error" in consul.kubectl("logs", "stranger"))
        answer = consul.consul("kv", "put", "stranger", "was here", pod="stranger", check=False)
        assert "Error!" in answer
    forget(consul, "stranger")
    assert "No key exists" in consul.consul("kv", "get", "stranger", check=False)


def test_the_api_requires_the_clusters_ca(stack: Stack, consul: Consul, insider: str) -> None:
    address = f"-http-addr={stack.outputs()['httpsAddress']}"
    assert "alive" in consul.consul("members", address, "-ca-file=/tls/ca.pem", pod=insider)
    unknown = consul.consul("members", address, pod=insider, check=False)
    assert "certificate signed by unknown authority" in unknown
    plain = consul.consul("members", address.replace("https", "http"), pod=insider, check=False)
    assert "HTTP request to an HTTPS server" in plain


@pytest.mark.parametrize("whom", ["consul-0", "consul-client-0"])
def test_grpc_requires_the_clusters_ca(stack: Stack, consul: Consul, whom: str) -> None:
    def call(scheme: str, ca: str) -> str:
        # A gRPC port without TLS would answer this too. Call from the agent's own pod: test_network tests the network.
        url = f"{scheme}://127.0.0.1:8503/any.Service/Method"
        grpc = ["--http2-prior-knowledge", "--header", "content-type: application/grpc", "--data", "", "--include"]
        return consul.run(whom, "curl", "-sS", *grpc, "--cacert", "/dev/stdin", url, stdin=ca, check=False)

    ca = stack.outputs()["caCertificate"]
    # Status 12, not implemented, is an answer by gRPC.
    assert "grpc-status: 12" in call("https", ca)
    assert "SSL certificate problem" in call("https", foreign_ca())
    plain = call("http", ca)
    assert "curl: (" in plain
    assert "grpc-status" not in plain


@pytest.mark.parametrize(("version", "answered"), [("1.1", False), ("1.2", True)])
def test_tls_is_1_2_or_newer(consul: Consul, insider: str, version: str, answered: bool) -> None:
    # SECLEVEL=0, because otherwise the caller's own TLS library would refuse too.
    old = ["--tls-max", version, "--ciphers", "DEFAULT@SECLEVEL=0"]
    url = f"https://{JOIN}:8501/v1/status/leader"
    said = consul.run(insider, "curl", "-sS", *old, "--cacert", "/tls/ca.pem", url, check=False)
    assert (":8300" in said) is answered
    assert answered or "alert protocol version" in said
