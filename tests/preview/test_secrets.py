"""Pulumi prints, stores and names no secret in plain text."""

import base64
import re

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


# Settings that somebody has set with `pulumi config set --secret`.
SECRET_SETTINGS = {
    "domain": "swordfish.example",
    "image": "registry.example/swordfish:1.22.6",
    "ingressAnnotations": '{"example.com/key": "swordfish annotation"}',
    "storageNodes": '["swordfish-1", "swordfish-2", "swordfish-3"]',
}


def set_secrets(stack: Stack, settings: dict[str, str]) -> None:
    for key, value in settings.items():
        stack.pulumi("config", "set", "--secret", f"{stack.project_name}:{key}", value)


def test_secret_settings_are_secrets_everywhere(stack: Stack) -> None:
    set_secrets(stack, SECRET_SETTINGS)
    stack.up(*WITHOUT_CLUSTER)
    stack.mark_healthy()
    plain = stack.pulumi("stack", "export", "--show-secrets").stdout
    assert "swordfish.example" in plain
    assert "swordfish.example" in decoded(plain.replace("\\\\n", "\\n"))
    previewed = stack.preview("--json")
    assert "[secret]" in previewed
    set_secrets(stack, {"domain": "swordfish.other"})
    refused = stack.preview(check=False)
    assert 'consul-cluster:domain cannot change from "[secret]" to "[secret]"' in " ".join(refused.split())
    set_secrets(stack, {"domain": "swordfish.", "image": "swordfish:latest"})
    invalid = stack.preview(check=False)
    for key in ("domain", "image"):
        assert f'consul-cluster:{key} = "[secret]" cannot be used' in invalid
    places = {
        "preview --json": previewed,
        "preview --diff": stack.preview("--diff", check=False),
        "refusal": refused,
        "errors": invalid,
        "state": stack.state.read_text(),
        "outputs": stack.pulumi("stack", "output", "--json").stdout,
        "settings": stack.settings_file.read_text(),
    }
    places |= {f"{place}, decoded": decoded(text) for place, text in places.items()}
    assert [place for place, text in places.items() if "swordfish" in text] == []


def decoded(text: str) -> str:
    """Return what a text contains in base64, such as the names in a certificate."""
    bodies = re.findall(r"(?:[A-Za-z0-9+/]{64}\\n)+", text)
    return "".join(base64.b64decode(body.replace("\\n", "")).decode("latin-1") for body in bodies)


def test_shows_finds_a_secret() -> None:
    """The test above relies on this function."""
    assert shows('{"key": "abc123"}', "abc123")
    assert shows(base64.b64encode(b"abc123").decode(), "abc123")
    assert not shows('{"key": "[secret]"}', "abc123")
