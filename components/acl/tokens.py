"""Who may do what: Consul's ACL policies and the tokens that carry them. Pure.

Everything is denied but what is said here (https://developer.hashicorp.com/consul/docs/security/acl); the anonymous
token has no policy, so that a call without a token sees nothing.
"""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.naming import Naming
from components.settings import Settings

_READ_CATALOG = 'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }\n'


@dataclass(frozen=True)
class Token:
    """A token by its name, and what it may do: the rules of a policy of its own, or all that a service needs."""

    name: str
    rules: str = ""
    service: str = ""

    def secret_id(self, seed: str) -> str:
        """The token itself, a secret: the same for the same random `seed`, so that the state can give it again."""
        return _uuid(f"{seed}/{self.name}")

    def accessor_id(self, seed: str) -> str:
        """The token's public name."""
        return _uuid(f"{seed}/{self.name}/accessor")

    def request(self, seed: str) -> dict[str, Any]:
        """What makes the token: https://developer.hashicorp.com/consul/api-docs/acl/tokens#create-a-token."""
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
        """The name of the token's own policy."""
        return f"consul-cluster-{self.name}"


# Set by the configuration before the first start (initial_management), so it has no policy here.
MANAGEMENT = Token("management")

# Good for a server's own agent alone, and without a leader, when no other token can be looked up (agent_recovery).
RECOVERY = Token("recovery")


def agent_tokens(naming: Naming) -> Iterator[Token]:
    """The tokens of a cluster's own parts."""
    # To list Raft's peers and to hand over leadership is an operator's business; leave.sh says what the session is for.
    own = (
        f'node_prefix "{naming.name}-" {{ policy = "write" }}\nsession_prefix "{naming.name}-" {{ policy = "write" }}\n'
    )
    yield Token("server", f'{_READ_CATALOG}{own}operator = "write"\n')
    yield Token("client", f'{_READ_CATALOG}node_prefix "{naming.clients}-" {{ policy = "write" }}\n')
    yield Token("dns", _READ_CATALOG)
    yield Token("health", 'node_prefix "" { policy = "read" }\noperator = "write"\n')
    yield Token("metrics", 'agent_prefix "" { policy = "read" }\n')


def service_tokens(settings: Settings) -> Iterator[Token]:
    """A token for each service of another project: it may register the service, and read the catalog."""
    for entry in settings.service_tokens:
        yield Token(f"service-{entry}", service=entry.partition("/")[0])


def acl_config(seed: str, agent: Token, dns: Token, *, server: bool) -> dict[str, Any]:
    """acl.json: the agent's tokens in a file, since an argument or a variable would show."""
    tokens = {"agent": agent.secret_id(seed), "dns": dns.secret_id(seed)}
    if server:
        tokens |= {"initial_management": MANAGEMENT.secret_id(seed), "agent_recovery": RECOVERY.secret_id(seed)}
    return {"acl": {"enabled": True, "default_policy": "deny", "tokens": tokens}}


def _uuid(text: str) -> str:
    """A UUID, as Consul wants its tokens, of the text's SHA-256; 122 of its bits are the hash's."""
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))
