"""The cluster's certificate authority, and the certificates that it signs."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pulumi
import pulumi_tls as tls

from components.settings import Settings

CURVE = "P256"


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, in PEM; `start` and `expiry` are times in RFC 3339."""

    pem: pulumi.Output[str]
    private_key: pulumi.Output[str]
    start: pulumi.Output[str]
    expiry: pulumi.Output[str]

    @property
    def validity(self) -> pulumi.Output[str]:
        """Return the validity as `curl --verbose` prints it."""
        return pulumi.Output.all(self.start, self.expiry).apply(lambda times: printed_validity(*times))


def printed_validity(start: str, expiry: str) -> str:
    """Return a validity, given as times in RFC 3339, as `curl --verbose` prints it."""
    return f"start date: {_printed_time(start)}\nexpire date: {_printed_time(expiry)}"


def _printed_time(time: str) -> str:
    """Return a time as OpenSSL's ASN1_TIME_print does, such as `Nov  9 08:07:06 2026 GMT`."""
    utc = datetime.fromisoformat(time).astimezone(UTC)
    return f"{utc:%b} {utc.day:2} {utc:%H:%M:%S %Y} GMT"


class Authority:
    """A certificate authority.

    `pulumi up` renews a certificate that expires within `certificate_renewal_hours`. A renewed CA certificate has the
    same key and the same subject, so agents with the old CA certificate and agents with the new one trust each other.
    """

    certificate: pulumi.Output[str]
    """The CA certificate, PEM."""
    expiry: pulumi.Output[str]
    """When the CA certificate expires, a time in RFC 3339."""

    def __init__(self, name: str, settings: Settings, key: tls.PrivateKey, opts: pulumi.ResourceOptions) -> None:
        """Create the CA's self-signed certificate."""
        self._settings = settings
        self._key = key
        signed = tls.SelfSignedCert(
            f"{name}-ca",
            private_key_pem=key.private_key_pem,
            is_ca_certificate=True,
            set_subject_key_id=True,
            subject={"common_name": "Consul CA"},
            validity_period_hours=settings.ca_validity_hours,
            early_renewal_hours=settings.certificate_renewal_hours,
            allowed_uses=["cert_signing", "crl_signing"],
            opts=opts,
        )
        self.certificate, self.expiry = signed.cert_pem, signed.validity_end_time

    def sign(self, name: str, dns_names: list[str], opts: pulumi.ResourceOptions) -> Certificate:
        """Create a key and a certificate for `dns_names` and 127.0.0.1; the first name is the subject's common name."""
        key = tls.PrivateKey(name, algorithm="ECDSA", ecdsa_curve=CURVE, opts=opts)
        request = tls.CertRequest(
            name,
            private_key_pem=key.private_key_pem,
            subject={"common_name": dns_names[0]},
            dns_names=dns_names,
            ip_addresses=["127.0.0.1"],
            opts=opts,
        )
        signed = tls.LocallySignedCert(
            name,
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=self._key.private_key_pem,
            ca_cert_pem=self.certificate,
            set_subject_key_id=True,
            validity_period_hours=self._settings.certificate_validity_hours,
            early_renewal_hours=self._settings.certificate_renewal_hours,
            # A server is also a client of the other servers.
            allowed_uses=["digital_signature", "key_encipherment", "server_auth", "client_auth"],
            opts=opts,
        )
        return Certificate(signed.cert_pem, key.private_key_pem, signed.validity_start_time, signed.validity_end_time)
