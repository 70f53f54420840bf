"""The actual secret values of a stack, and a search for them in text."""

import base64
from typing import Any

from components.acl.tokens import all_tokens
from components.agents.agent_config import gossip_key
from components.naming import Naming
from tests.support.graph import development


def secrets(resources: list[dict[str, Any]]) -> dict[str, str]:
    """Return the actual secret values of a state, by a name each."""
    found: dict[str, str] = {}
    for resource in resources:
        name = resource["urn"].rpartition("::")[2]
        outputs: dict[str, Any] = resource.get("outputs", {})
        for key in ("result", "privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"):
            if value := plain(outputs.get(key)):
                found[f"{name}.{key}"] = value
    found["gossip key"] = gossip_key(found["consul-gossip.result"])
    tokens = all_tokens(Naming("consul", ""), development(service_tokens=("web",))).values()
    return found | {token.name: token.secret_id(found["consul-acl.result"]) for token in tokens}


def plain(value: Any) -> str:
    """Return an exported property as a string. `pulumi stack export --show-secrets` prints secrets as JSON strings."""
    if isinstance(value, dict):
        text = str(value.get("plaintext", ""))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        return text.strip('"').replace("\\n", "\n")
    return value or ""


def shows(text: str, secret: str) -> bool:
    """Return whether a text contains a secret: its longest line, or the beginning of its base64 form."""
    line = max(secret.splitlines(), key=len)
    encoded = base64.b64encode(secret.encode()).decode()
    return line in text or encoded[: len(encoded) // 4 * 3] in text
