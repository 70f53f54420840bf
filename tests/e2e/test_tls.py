"""TLS and gossip encryption, shown by what happens without them."""

import base64
import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import toolchain
from tests.e2e.conftest import NAMESPACE
from tests.e2e.consul import Consul, server_names, wait_for
from tests.stack import Stack

JOIN = f"consul.{NAMESPACE}.svc"


def foreign_ca() -> str:
    """The certificate of a CA that has nothing to do with the cluster, under the same name."""
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


@contextmanager
def agent(consul: Consul, name: str, config: dict[str, Any], ca: str) -> Generator[None]:
    """A client agent of a stranger's making, in a pod of that name in the cluster's namespace."""
    files = {
        "client.json": json.dumps({"data_dir": "/consul/data", "retry_join": [JOIN], "retry_interval": "1s"} | config),
        "ca.pem": ca,
    }
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {
                        "name": "consul",
                        "image": toolchain.CONSUL_IMAGE,
                        "command": ["consul", "agent", "-config-dir=/stranger"],
                        "volumeMounts": [{"name": "config", "mountPath": "/stranger"}],
                    }
                ],
                "volumes": [{"name": "config", "configMap": {"name": name}}],
            },
        },
    ]
    consul.kubectl("apply", "--filename", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    try:
        yield
    finally:
        consul.kubectl("delete", "pod,configmap", name, "--ignore-not-found")


def tls_config() -> dict[str, Any]:
    """What the clients of the cluster have, as far as TLS goes."""
    return {
        "auto_encrypt": {"tls": True},
        "tls": {
            "defaults": {"ca_file": "/stranger/ca.pem", "verify_outgoing": True},
            "internal_rpc": {"verify_server_hostname": True},
        },
    }


def test_an_agent_with_the_key_and_the_right_ca_joins(stack: Stack, consul: Consul) -> None:
    """What makes the refusals below mean something."""
    outputs = stack.outputs()
    with agent(consul, "stranger", {"encrypt": outputs["gossipKey"]} | tls_config(), outputs["caCertificate"]):
        wait_for("stranger among the members", lambda: "stranger" in consul.alive())
    consul.consul("force-leave", "-prune", "stranger")


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
    """With the gossip key but no TLS an agent is heard of, and still gets no answer from a server."""
    with agent(consul, "stranger", {"encrypt": stack.outputs()["gossipKey"]}, ""):
        wait_for("refusal", lambda: "rpc error" in consul.kubectl("logs", "stranger"))
        answer = consul.run("stranger", "consul", "kv", "put", "stranger", "was here", check=False)
        assert "Error!" in answer
    consul.consul("force-leave", "-prune", "stranger")
    assert "No key exists" in consul.consul("kv", "get", "stranger", check=False)


def test_the_api_is_called_with_the_clusters_ca_only(stack: Stack, consul: Consul) -> None:
    address = f"-http-addr={stack.outputs()['httpsAddress']}"
    assert "alive" in consul.consul("members", address, "-ca-file=/consul/tls/ca.pem", pod="consul-client-0")
    unknown = consul.consul("members", address, pod="consul-client-0", check=False)
    assert "certificate signed by unknown authority" in unknown
    plain = consul.consul("members", address.replace("https", "http"), pod="consul-client-0", check=False)
    assert "HTTP request to an HTTPS server" in plain
