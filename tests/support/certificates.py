"""Shorten the validity of a stack's certificates, and read those that agents serve."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.consul import Consul
from tests.support.stack import Stack

_CA = "tls:index/selfSignedCert:SelfSignedCert"
_LEAF = "tls:index/locallySignedCert:LocallySignedCert"
_KEY = "tls:index/privateKey:PrivateKey"

# The ports at which servers and clients serve their certificates.
PORTS = {"server": (8501, 8503, 8300), "client": (8501, 8503)}


def served(consul: Consul) -> dict[str, x509.Certificate]:
    """Return the certificate that each agent serves at each port, by `agent:port`, without verifying it."""
    found: dict[str, x509.Certificate] = {}
    call = ["curl", "--silent", "--insecure", "--no-alpn", "--max-time", "5", "--write-out", "%{certs}"]
    for role, ports in PORTS.items():
        for agent, address in ((of["metadata"]["name"], of["status"]["podIP"]) for of in consul.agents(role)):
            for port in ports:
                # The calls themselves may fail: RPC is not HTTP, and gRPC needs ALPN.
                script = f'{" ".join(call)} --output /dev/null "https://{address}:{port}/" || true'
                said = consul.run(agent, "sh", "-c", script)
                found[f"{agent}:{port}"] = x509.load_pem_x509_certificate(said.encode())
    return found


def issuers(consul: Consul) -> set[str]:
    """Return who has issued the certificates that agents serve, on all ports."""
    return {of.issuer.rfc4514_string() for of in served(consul).values()}


def issued(stack: Stack) -> dict[str, x509.Certificate]:
    """Return the certificates of the servers and of the clients in the stack's state, by role."""
    pems = {
        of["urn"].rpartition("::consul-")[2]: of["outputs"]["certPem"] for of in _of_type(stack.deployment(), _LEAF)
    }
    return {role: x509.load_pem_x509_certificate(pems[role].encode()) for role in PORTS}


def now() -> datetime:
    """Return the time, in whole seconds, as certificates have it."""
    return datetime.now(UTC).replace(microsecond=0)


def outdated(consul: Consul, stack: Stack) -> list[str]:
    """Return each `agent:port` that does not serve the certificate in the stack's state."""
    current = issued(stack)
    return [at for at, of in served(consul).items() if of != current["client" if "client" in at else "server"]]


def shorten(stack: Stack, consul: Consul, end: datetime, *, ca: bool = False) -> None:
    """Replace the certificates with others that expire at `end`, as if most of their validity had passed.

    This changes the stack's state and the cluster's Secrets. With `ca`, replace the CA certificate too. The keys stay.
    """
    text = stack.pulumi("stack", "export", "--show-secrets").stdout
    exported = json.loads(text)
    resources: list[dict[str, Any]] = exported["deployment"]["resources"]
    authorities, leaves = _of_type(resources, _CA), _of_type(resources, _LEAF)
    (key,) = [of["outputs"]["privateKeyPem"] for of in _of_type(resources, _KEY) if of["urn"].endswith("::consul-ca")]
    for of in [*(authorities if ca else []), *leaves]:
        before: str = of["outputs"]["certPem"]
        after = _signed_again(before, json.loads(key["plaintext"]), end)
        # The state has each certificate as JSON text, also without its last line break, and in base64.
        text = text.replace(_json(before.strip()), _json(after.strip())).replace(_base64(before), _base64(after))
        text = text.replace(of["outputs"]["validityEndTime"], f"{end:%Y-%m-%dT%H:%M:%SZ}")
    file = stack.folder / "shortened.json"
    file.write_text(text)
    stack.pulumi("stack", "import", "--file", str(file))
    file.unlink()
    for of in _of_type(json.loads(text)["deployment"]["resources"], "kubernetes:core/v1:SecretPatch"):
        patch = f'{{"data": {of["inputs"]["data"]["plaintext"]}}}'
        name = of["inputs"]["metadata"]["name"]
        consul.kubectl("patch", "secret", name, "--patch-file", "/dev/stdin", stdin=patch)


def _of_type(resources: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [of for of in resources if of["type"] == kind]


def _signed_again(pem: str, key: str, end: datetime) -> str:
    """Return a certificate (PEM) with the same content that ends at `end`, signed by the CA's key (PEM)."""
    old = x509.load_pem_x509_certificate(pem.encode())
    signer = serialization.load_pem_private_key(key.encode(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    builder = x509.CertificateBuilder(
        issuer_name=old.issuer,
        subject_name=old.subject,
        public_key=old.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=min(old.not_valid_before_utc, end - timedelta(hours=1)),
        not_valid_after=end,
        extensions=list(old.extensions),
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _json(pem: str) -> str:
    return json.dumps(pem)[1:-1]


def _base64(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
