"""A headless Chromium that trusts only the cluster's certificate, and what it does in the UI."""

import base64
import hashlib
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, expect, sync_playwright

from tools import toolchain

# Suppress all network access except for the page, https://peter.sh/experiments/chromium-command-line-switches/
_QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]

_TIMEOUT_MS = 60_000


@contextmanager
def page(host: str, port: int, ca_certificate: str) -> Generator[Page]:
    """Yield a page of a browser that resolves `host` to the loopback.

    Raises ssl.SSLError if the server at `port` has no certificate for `host` signed by the CA.
    """
    key = base64.b64encode(hashlib.sha256(_public_key(host, port, ca_certificate)).digest()).decode()
    arguments = [*_QUIET, f"--host-resolver-rules=MAP {host} 127.0.0.1", f"--ignore-certificate-errors-spki-list={key}"]
    with sync_playwright() as playwright:
        # Chromium's sandbox does not work as root.
        browser = playwright.chromium.launch(
            executable_path=toolchain.binary("chromium"), chromium_sandbox=False, args=arguments
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=f"https://{host}:{port}")
        page.set_default_timeout(_TIMEOUT_MS)
        # Playwright has another limit for what a page should show, of 5 s: too few beside other tests.
        expect.set_options(timeout=_TIMEOUT_MS)
        yield page
        browser.close()


def log_in(ui: Page, token: str) -> None:
    """Log in with a token."""
    ui.goto("/ui/dc1/nodes")
    expect(ui.get_by_text("There don't seem to be any registered Nodes")).to_be_visible()
    ui.get_by_role("button", name="Log in").first.click()
    ui.get_by_label("Log in with a token").fill(token)
    ui.keyboard.press("Enter")
    expect(ui.get_by_text("You are now logged in")).to_be_visible()


def listed(ui: Page, what: str) -> set[str]:
    """Return the names on the page `nodes` or `services`, once there are any."""
    ui.goto(f"/ui/dc1/{what}")
    expect(ui.locator(".consul-node-list, .consul-service-list").locator("li").first).to_be_visible()
    return {name.strip() for name in ui.locator("li .header a").all_inner_texts()}


def _public_key(host: str, port: int, ca_certificate: str) -> bytes:
    """Return the public key of the server at a port of the loopback, after verifying its certificate for the host."""
    trusted = ssl.create_default_context(cadata=ca_certificate)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        trusted.wrap_socket(plain, server_hostname=host) as connection,
    ):
        certificate = connection.getpeercert(binary_form=True)
    assert certificate
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
