"""The cluster's certificate authority and the servers' certificate."""

from dataclasses import dataclass

import pulumi
import pulumi_tls as tls

from components.protection import protected
from components.settings import Settings

_CURVE = "P256"


@dataclass(frozen=True)
class Pki:
    """PEM texts that servers and clients need. The CA's private key is not among them: it stays in the state."""

    ca_certificate: pulumi.Output[str]
    server_certificate: pulumi.Output[str]
    server_private_key: pulumi.Output[str]
    server_certificate_expiry: pulumi.Output[str]


def create_pki(name: str, settings: Settings, service_names: list[str], opts: pulumi.ResourceOptions) -> Pki:
    """A self-signed CA, and one certificate for the servers signed by it.

    Within `certificate_renewal_hours` of its end, the next `pulumi up` renews each. The CA keeps its key and its name,
    so that what trusts the old certificate trusts the new one, and the other way round, while agents are rolled.
    """
    ca_key = tls.PrivateKey(f"{name}-ca", algorithm="ECDSA", ecdsa_curve=_CURVE, opts=protected(settings, opts))
    ca = tls.SelfSignedCert(
        f"{name}-ca",
        private_key_pem=ca_key.private_key_pem,
        is_ca_certificate=True,
        set_subject_key_id=True,
        subject={"common_name": "Consul CA"},
        validity_period_hours=settings.ca_validity_hours,
        early_renewal_hours=settings.certificate_renewal_hours,
        allowed_uses=["cert_signing", "crl_signing"],
        opts=opts,
    )
    key = tls.PrivateKey(f"{name}-server", algorithm="ECDSA", ecdsa_curve=_CURVE, opts=opts)
    # verify_server_hostname takes a peer for a server by this name alone.
    server_name = f"server.{settings.datacenter}.{settings.domain}"
    request = tls.CertRequest(
        f"{name}-server",
        private_key_pem=key.private_key_pem,
        subject={"common_name": server_name},
        dns_names=[server_name, "localhost", *service_names],
        ip_addresses=["127.0.0.1"],
        opts=opts,
    )
    certificate = tls.LocallySignedCert(
        f"{name}-server",
        cert_request_pem=request.cert_request_pem,
        ca_private_key_pem=ca_key.private_key_pem,
        ca_cert_pem=ca.cert_pem,
        set_subject_key_id=True,
        validity_period_hours=settings.certificate_validity_hours,
        early_renewal_hours=settings.certificate_renewal_hours,
        # Servers call each other, so the one certificate is for both ends.
        allowed_uses=["digital_signature", "key_encipherment", "server_auth", "client_auth"],
        opts=opts,
    )
    return Pki(
        ca_certificate=ca.cert_pem,
        server_certificate=certificate.cert_pem,
        server_private_key=key.private_key_pem,
        server_certificate_expiry=certificate.validity_end_time,
    )
