"""The Secrets and the ConfigMap with ACL tokens and policies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

from components.acl.tokens import DNS, MANAGEMENT, Token, acl_config, agent_tokens, service_tokens
from components.agents.agent_config import MANAGEMENT_TOKEN, render
from components.cluster import Cluster
from components.identity import CLIENT, HEALTH, SERVER
from components.kubernetes.immutable import create_config_map, create_secret

# Keys of the agents' Secret.
SERVER_ACL = "server-acl.json"
CLIENT_ACL = "client-acl.json"
TOKEN_FILES = {SERVER: "server-token", CLIENT: "client-token", HEALTH: "health-token"}

# Key of the ACL Job's Secret, in addition to one key for each token.
HEADER = "header"


@dataclass(frozen=True)
class Acl:
    """The tokens, the seed from which they are derived, and the objects whose keys become files in pods.

    Agents read `agents`; the ACL Job reads `job` and `policies`. A new service token changes only `job`, so no agent
    restarts.
    """

    tokens: Mapping[str, Token]
    seed: pulumi.Output[str]
    agents: Secret
    job: Secret
    policies: ConfigMap

    def secret_ids(self) -> pulumi.Output[dict[str, str]]:
        """Return the secret IDs of all tokens by token name, as a secret output."""
        return self.seed.apply(lambda seed: {name: token.secret_id(seed) for name, token in self.tokens.items()})


def create_acl(cluster: Cluster, seed: pulumi.Output[str], opts: pulumi.ResourceOptions) -> Acl:
    """Create Secret `<name>-agent-acl` for the agents, and Secret and ConfigMap `<name>-acl` for the ACL Job."""
    naming = cluster.naming
    own, services = list(agent_tokens(naming)), list(service_tokens(cluster.settings))
    tokens = {token.name: token for token in (MANAGEMENT, *own, *services)}

    def acl_file(role: str) -> pulumi.Output[str]:
        return seed.apply(lambda text: render(acl_config(text, tokens[role], tokens[DNS], server=role == SERVER)))

    agents = create_secret(
        f"{naming.name}-agent-acl",
        cluster,
        {
            SERVER_ACL: acl_file(SERVER),
            CLIENT_ACL: acl_file(CLIENT),
            MANAGEMENT_TOKEN: seed.apply(MANAGEMENT.secret_id),
            **{file: seed.apply(tokens[name].secret_id) for name, file in TOKEN_FILES.items()},
        },
        opts,
    )
    job = create_secret(
        naming.acl,
        cluster,
        seed.apply(lambda text: _job_files(text, [*own, *services])),
        opts,
    )
    policies = create_config_map(
        naming.acl,
        cluster,
        {f"{token.policy}.json": render({"Name": token.policy, "Rules": token.rules}) for token in own},
        opts,
    )
    return Acl(tokens, seed, agents, job, policies)


def _job_files(seed: str, tokens: Iterable[Token]) -> dict[str, str]:
    management = MANAGEMENT.secret_id(seed)
    files = {f"{token.accessor_id(seed)}.json": render(token.request(seed)) for token in tokens}
    return {MANAGEMENT_TOKEN: management, HEADER: f"X-Consul-Token: {management}"} | files
