"""Consul's ACL policies and tokens. Pure.

The default policy is deny, so a token may do only what its policy here allows. The anonymous token has no policy, so a
call without a token sees nothing. https://developer.hashicorp.com/consul/docs/security/acl
"""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.identity import CLIENT, HEALTH, SERVER
from components.naming import Naming
from components.settings import Settings

_READ_CATALOG = 'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }\n'


@dataclass(frozen=True)
class Token:
    """A token. It has a policy of its own with `rules`, or the service identity of `service`."""

    name: str
    rules: str = ""
    service: str = ""

    def secret_id(self, seed: str) -> str:
        """Return the token itself, a secret. It is derived from the random `seed`, which is in the Pulumi state."""
        return _uuid(f"{seed}/{self.name}")

    def accessor_id(self, seed: str) -> str:
        """Return the token's public ID."""
        return _uuid(f"{seed}/{self.name}/accessor")

    def request(self, seed: str) -> dict[str, Any]:
        """Return the body of https://developer.hashicorp.com/consul/api-docs/acl/tokens#create-a-token."""
        grants = (
            {"ServiceIdentities": [{"ServiceName": self.service}]}
            if self.service
            else {"Policies": [{"Name": self.policy}]}
        )
        return {
            "AccessorID": self.accessor_id(seed),
            "SecretID": self.secret_id(seed),
            "Description": f"consul-cluster {self.name}",
        } | grants

    @property
    def policy(self) -> str:
        """Return the name of the token's own policy."""
        return f"consul-cluster-{self.name}"


# Servers have this token in their configuration (initial_management), so the ACL Job does not create it.
MANAGEMENT = Token("management")

DNS = "dns"
METRICS = "metrics"


def agent_tokens(naming: Naming) -> Iterator[Token]:
    """Yield the cluster's own tokens: those of the agents, DNS, the health check and Prometheus."""
    own = f'node_prefix "{naming.name}-" {{ policy = "write" }}\n'
    yield Token(SERVER, f'{_READ_CATALOG}{own}operator = "read"\n')
    write_clients = f'"{naming.clients}-" {{ policy = "write" }}\n'
    # A client needs `agent` to make its own agent join the servers (start_client.sh).
    yield Token(CLIENT, f"{_READ_CATALOG}node_prefix {write_clients}agent_prefix {write_clients}")
    yield Token(DNS, _READ_CATALOG)
    yield Token(HEALTH, 'node_prefix "" { policy = "read" }\noperator = "write"\nkeyring = "write"\n')
    yield Token(METRICS, 'agent_prefix "" { policy = "read" }\n')


def service_tokens(settings: Settings) -> Iterator[Token]:
    """Yield a token for each entry of `serviceTokens`: it may register that service, and read the catalog."""
    for entry in settings.service_tokens:
        yield Token(f"service-{entry}", service=entry.partition("/")[0])


def acl_config(seed: str, agent: Token, dns: Token, *, server: bool) -> dict[str, Any]:
    """Return acl.json with an agent's tokens. A file hides them from the process list and the pod's spec."""
    tokens = {"agent": agent.secret_id(seed), "dns": dns.secret_id(seed)}
    if server:
        tokens["initial_management"] = MANAGEMENT.secret_id(seed)
    return {"acl": {"enabled": True, "default_policy": "deny", "tokens": tokens}}


def _uuid(text: str) -> str:
    """Return a UUID, the format of Consul's tokens, with 122 bits of the text's SHA-256."""
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))
