"""Consul's ACL policies and tokens. Pure.

The default policy is deny, so a token may do only what its policy here allows. The anonymous token has no policy, so a
call without a token sees nothing. https://developer.hashicorp.com/consul/docs/security/acl
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.identity import CLIENT, HEALTH, SERVER
from components.naming import Naming
from components.settings import Settings
from components.trust.generations import generation_name

DESCRIPTION_PREFIX = "consul-cluster "
"""The beginning of the description of each token that the ACL Job creates."""

INITIAL_MANAGEMENT = "Initial Management Token"
"""The description that Consul gives the token of `initial_management`."""

GENERATION_META = "token-generation"
"""The key of an agent's node metadata whose value is the generation of the agent's tokens."""

_READ = '"" { policy = "read" }\n'
_READ_CATALOG = f"node_prefix {_READ}service_prefix {_READ}"


@dataclass(frozen=True)
class Token:
    """The tokens of one purpose: one for each number in `generations`, the one in use first.

    They have a policy of their own with `rules`, the service identity of `service`, or Consul's built-in `policy`. Each
    is derived from the random seed of its generation, which is in the Pulumi state.
    """

    name: str
    generations: Sequence[int]
    rules: str = ""
    service: str = ""
    policy: str = ""

    def current_secret_id(self, seeds: Mapping[int, str]) -> str:
        """Return the token of the generation in use, a secret."""
        return self.secret_id(seeds[self.generations[0]])

    def secret_id(self, seed: str) -> str:
        """Return the token itself, a secret."""
        return _uuid(f"{seed}/{self.name}")

    def accessor_id(self, seed: str) -> str:
        """Return the token's public ID."""
        return _uuid(f"{seed}/{self.name}/accessor")

    def request(self, seed: str, generation: int) -> dict[str, Any]:
        """Return the body of https://developer.hashicorp.com/consul/api-docs/acl/tokens#create-a-token."""
        grants = (
            {"ServiceIdentities": [{"ServiceName": self.service}]}
            if self.service
            else {"Policies": [{"Name": self.policy or self.own_policy}]}
        )
        return {
            "AccessorID": self.accessor_id(seed),
            "SecretID": self.secret_id(seed),
            "Description": DESCRIPTION_PREFIX + generation_name(self.name, generation),
        } | grants

    @property
    def own_policy(self) -> str:
        """Return the name of the token's own policy."""
        return f"consul-cluster-{self.name}"


MANAGEMENT = "management"
DNS = "dns"
METRICS = "metrics"


def all_tokens(naming: Naming, settings: Settings) -> dict[str, Token]:
    """Return the tokens of a cluster by name."""
    return {token.name: token for token in (*_own_tokens(naming, settings), *service_tokens(settings))}


def _own_tokens(naming: Naming, settings: Settings) -> Iterator[Token]:
    """Yield the cluster's own tokens: for management, the agents, DNS, the health check and Prometheus."""
    # https://developer.hashicorp.com/consul/docs/security/acl/acl-policies#global-management
    yield Token(MANAGEMENT, settings.management_keys, policy="global-management")
    agents = settings.agent_keys
    own = f'node_prefix "{naming.name}-" {{ policy = "write" }}\n'
    yield Token(SERVER, agents, f'{_READ_CATALOG}{own}operator = "read"\n')
    write_clients = f'"{naming.clients}-" {{ policy = "write" }}\n'
    # A client needs `agent` to make its own agent join the servers (start_client.sh).
    yield Token(CLIENT, agents, f"{_READ_CATALOG}node_prefix {write_clients}agent_prefix {write_clients}")
    yield Token(DNS, agents, _READ_CATALOG)
    yield Token(HEALTH, agents, f'node_prefix {_READ}agent_prefix {_READ}operator = "write"\nkeyring = "write"\n')
    yield Token(METRICS, settings.metrics_keys, f"agent_prefix {_READ}")


def service_tokens(settings: Settings) -> Iterator[Token]:
    """Yield a token for each entry of `serviceTokens`: it may register that service, and read the catalog."""
    for entry in settings.service_tokens:
        yield Token(f"service-{entry}", settings.service_keys, service=entry.partition("/")[0])


def accessor_ids(tokens: Mapping[str, Token], seeds: Mapping[int, str]) -> list[str]:
    """Return the accessor IDs of the tokens of all generations, sorted."""
    return sorted(token.accessor_id(seeds[generation]) for token in tokens.values() for generation in token.generations)


def acl_config(seeds: Mapping[int, str], tokens: Mapping[str, Token], role: str) -> dict[str, Any]:
    """Return acl.json with the tokens of an agent. A file hides them from the process list and the pod's spec.

    The node metadata says which generation of tokens the agent has loaded. Only servers have the management token: a
    leader creates it if it does not exist.
    """
    used = {"agent": tokens[role].current_secret_id(seeds), "dns": tokens[DNS].current_secret_id(seeds)}
    if role == SERVER:
        used["initial_management"] = tokens[MANAGEMENT].current_secret_id(seeds)
    return {
        "acl": {"enabled": True, "default_policy": "deny", "tokens": used},
        "node_meta": {GENERATION_META: str(tokens[role].generations[0])},
    }


def _uuid(text: str) -> str:
    """Return a UUID, the format of Consul's tokens, with 122 bits of the text's SHA-256."""
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))
