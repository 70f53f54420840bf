"""No secret in plain text in what Pulumi prints, stores or names."""

import base64
from typing import Any

from components.acl.tokens import MANAGEMENT, RECOVERY, Token, agent_tokens
from components.agents.agent_config import gossip_key
from components.naming import Naming
from tests.support.stack import WITHOUT_CLUSTER, Stack


def secrets(resources: list[dict[str, Any]]) -> dict[str, str]:
    """The actual secret values of a state, by what they are."""
    found: dict[str, str] = {}
    for resource in resources:
        name = resource["urn"].rpartition("::")[2]
        outputs: dict[str, Any] = resource.get("outputs", {})
        for key in ("result", "privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"):
            if value := plain(outputs.get(key)):
                found[f"{name}.{key}"] = value
    found["gossip key"] = gossip_key(found["consul-gossip.result"])
    tokens = [MANAGEMENT, RECOVERY, *agent_tokens(Naming("consul", "")), Token("service-web")]
    return found | {token.name: token.secret_id(found["consul-acl.result"]) for token in tokens}


def plain(value: Any) -> str:
    """The text of an exported property; `stack export --show-secrets` gives secrets as JSON text."""
    if isinstance(value, dict):
        text = str(value.get("plaintext", ""))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        return text.strip('"').replace("\\n", "\n")
    return value or ""


def shows(text: str, secret: str) -> bool:
    """Whether a text gives a secret away: its longest line, or its start in base64, as Kubernetes stores it."""
    line = max(secret.splitlines(), key=len)
    encoded = base64.b64encode(secret.encode()).decode()
    return line in text or encoded[: len(encoded) // 4 * 3] in text


def test_no_secret_is_printed_stored_or_named(stack: Stack) -> None:
    # Without a cluster only these can be made; their values are what everything else derives its secrets from.
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
    # Pairs of names alone: a failure shall not print the secret.
    found = [(name, place) for name, value in values.items() for place, text in places.items() if shows(text, value)]
    assert found == []


def test_what_gives_a_secret_away() -> None:
    """What makes the test above mean something."""
    assert shows('{"key": "abc123"}', "abc123")
    assert shows(base64.b64encode(b"abc123").decode(), "abc123")
    assert not shows('{"key": "[secret]"}', "abc123")
