"""Pulumi prints, stores and names no secret in plain text."""

import base64

from tests.support.secrets import secrets, shows
from tests.support.stack import WITHOUT_CLUSTER, Stack


def test_no_secret_is_printed_stored_or_named(stack: Stack) -> None:
    # These resources need no cluster. All other secrets are derived from their values.
    stack.up(*WITHOUT_CLUSTER)
    resources = stack.deployment()
    values = secrets(resources)
    assert {
        "consul-gossip.result",
        "consul-acl.result",
        "consul-ca.privateKeyPem",
        "consul-server.privateKeyPem",
    } <= values.keys()

    places = {
        "preview": stack.preview(),
        "preview --diff": stack.preview("--diff"),
        "preview --json": stack.preview("--json"),
        "state": stack.state.read_text(),
        "resource IDs": "\n".join(resource.get("id", "") for resource in resources),
        "outputs": stack.pulumi("stack", "output", "--json").stdout,
    }
    assert all(places.values())
    # Compare names only, so that a failure does not print a secret.
    found = [(name, place) for name, value in values.items() for place, text in places.items() if shows(text, value)]
    assert found == []


def test_shows_finds_a_secret() -> None:
    """The test above relies on this function."""
    assert shows('{"key": "abc123"}', "abc123")
    assert shows(base64.b64encode(b"abc123").decode(), "abc123")
    assert not shows('{"key": "[secret]"}', "abc123")
