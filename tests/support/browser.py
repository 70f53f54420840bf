"""A real Chromium, headless, that trusts the cluster's certificate and nothing else."""

import base64
import hashlib
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, sync_playwright

from tools import toolchain

# So that it looks for nobody but the page; https://peter.sh/experiments/chromium-command-line-switches/
_QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def page(host: str, port: int, ca_certificate: str) -> Generator[Page]:
    """A page whose name `host` is this machine; raises ssl.SSLError where the CA has not signed for it."""
    key = base64.b64encode(hashlib.sha256(_public_key(host, port, ca_certificate)).digest()).decode()
    arguments = [*_QUIET, f"--host-resolver-rules=MAP {host} 127.0.0.1", f"--ignore-certificate-errors-spki-list={key}"]
    with sync_playwright() as playwright:
        # As root there is no sandbox to be had.
        browser = playwright.chromium.launch(
            executable_path=toolchain.binary("chromium"), chromium_sandbox=False, args=arguments
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=f"https://{host}:{port}")
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def _public_key(host: str, port: int, ca_certificate: str) -> bytes:
    """The key that is shown at a port of the loopback, by a certificate for the host that the CA has signed."""
    trusted = ssl.create_default_context(cadata=ca_certificate)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        trusted.wrap_socket(plain, server_hostname=host) as connection,
    ):
        certificate = connection.getpeercert(binary_form=True)
    assert certificate
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
