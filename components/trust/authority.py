"""The cluster's certificate authority, and the certificates that it signs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pulumi
import pulumi_tls as tls

from components.settings import Settings
from components.trust.generations import generation_name

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


def ca_name(generation: int) -> str:
    """Return the common name of a CA."""
    return "Consul CA" if generation == 1 else f"Consul CA {generation}"


def subject(name: str, ca_keys: Sequence[int]) -> tls.CertRequestSubjectArgsDict:
    """Return a certificate's subject; its organizational unit says which CAs the owner trusts, such as `trusts CA 1 2`.

    With `[1]` there is no unit, so an upgrade from a version without `caKeys` renews no certificate.
    """
    if [*ca_keys] == [1]:
        return {"common_name": name}
    return {"common_name": name, "organizational_unit": f"trusts CA {' '.join(map(str, ca_keys))}"}


def printed_validity(start: str, expiry: str) -> str:
    """Return a validity, given as times in RFC 3339, as `curl --verbose` prints it."""
    return f"start date: {_printed_time(start)}\nexpire date: {_printed_time(expiry)}"


def _printed_time(time: str) -> str:
    """Return a time as OpenSSL's ASN1_TIME_print does, such as `Nov  9 08:07:06 2026 GMT`."""
    utc = datetime.fromisoformat(time).astimezone(UTC)
    return f"{utc:%b} {utc.day:2} {utc:%H:%M:%S %Y} GMT"


class Authority:
    """The certificate authority: a CA for each generation in `caKeys`. The first one signs, and agents trust all.

    `pulumi up` renews a certificate that expires within `certificate_renewal_hours`. A renewed CA certificate has the
    same key and the same subject, so agents with the old CA certificate and agents with the new one trust each other.
    """

    certificates: pulumi.Output[str]
    """The CA certificates that agents and their callers trust, PEM, one after the other."""
    expiry: pulumi.Output[str]
    """When the certificate of the CA that signs expires, a time in RFC 3339."""

    def __init__(
        self, name: str, settings: Settings, keys: Mapping[int, tls.PrivateKey], opts: pulumi.ResourceOptions
    ) -> None:
        """Create the CAs' self-signed certificates."""
        self._settings = settings
        signed = {
            generation: tls.SelfSignedCert(
                generation_name(f"{name}-ca", generation),
                private_key_pem=key.private_key_pem,
                is_ca_certificate=True,
                set_subject_key_id=True,
                subject={"common_name": ca_name(generation)},
                validity_period_hours=settings.ca_validity_hours,
                early_renewal_hours=settings.certificate_renewal_hours,
                allowed_uses=["cert_signing", "crl_signing"],
                opts=opts,
            )
            for generation, key in keys.items()
        }
        first = settings.ca_keys[0]
        self._key, self._certificate = keys[first], signed[first].cert_pem
        self.expiry = signed[first].validity_end_time
        self.certificates = pulumi.Output.all(*(each.cert_pem for each in signed.values())).apply("".join)

    def sign(self, name: str, dns_names: list[str], opts: pulumi.ResourceOptions) -> Certificate:
        """Create a key and a certificate for `dns_names` and 127.0.0.1; the first name is the subject's common name.

        The certificate is new when `caKeys` changes, and says which CAs its owner then trusts: an agent reloads the CA
        certificates only together with its own.
        """
        key = tls.PrivateKey(name, algorithm="ECDSA", ecdsa_curve=CURVE, opts=opts)
        request = tls.CertRequest(
            name,
            private_key_pem=key.private_key_pem,
            subject=subject(dns_names[0], self._settings.ca_keys),
            dns_names=dns_names,
            ip_addresses=["127.0.0.1"],
            opts=opts,
        )
        signed = tls.LocallySignedCert(
            name,
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=self._key.private_key_pem,
            ca_cert_pem=self._certificate,
            set_subject_key_id=True,
            validity_period_hours=self._settings.certificate_validity_hours,
            early_renewal_hours=self._settings.certificate_renewal_hours,
            # A server is also a client of the other servers.
            allowed_uses=["digital_signature", "key_encipherment", "server_auth", "client_auth"],
            opts=opts,
        )
        return Certificate(signed.cert_pem, key.private_key_pem, signed.validity_start_time, signed.validity_end_time)
