"""The Secrets and the ConfigMap that carry ACL tokens and policies to the pods."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

from components.acl.tokens import MANAGEMENT, RECOVERY, Token, acl_config, agent_tokens, service_tokens
from components.agents.agent_config import MANAGEMENT_TOKEN, RECOVERY_TOKEN, render
from components.kubernetes.immutable import create_config_map, create_secret
from components.naming import Naming
from components.settings import Settings

# Keys of the agents' Secret.
SERVER_ACL = "server-acl.json"
CLIENT_ACL = "client-acl.json"
TOKEN_FILES = {"server": "server-token", "client": "client-token", "health": "health-token"}

# Keys of the ACL Job's Secret, beside a file for each token.
HEADER = "header"


@dataclass(frozen=True)
class Acl:
    """The tokens, the seed that they follow from, and the objects whose keys become files in pods.

    `agents` is what running agents read: a new service's token changes the Job's objects alone, and restarts nobody.
    """

    tokens: Mapping[str, Token]
    seed: pulumi.Output[str]
    agents: Secret
    job: Secret
    policies: ConfigMap

    def secret_ids(self) -> pulumi.Output[dict[str, str]]:
        """Return the secret IDs of all tokens by token name, as a secret output."""
        return self.seed.apply(lambda seed: {name: token.secret_id(seed) for name, token in self.tokens.items()})


def create_acl(
    naming: Naming,
    settings: Settings,
    seed: pulumi.Output[str],
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> Acl:
    """Secret `<name>-agent-acl` for the agents; Secret and ConfigMap `<name>-acl` for the Job that makes the ACLs."""
    own, services = list(agent_tokens(naming)), list(service_tokens(settings))
    tokens = {token.name: token for token in (MANAGEMENT, *own, *services)}

    def acl_file(role: str, *, server: bool) -> pulumi.Output[str]:
        return seed.apply(lambda text: render(acl_config(text, tokens[role], tokens["dns"], server=server)))

    agents = create_secret(
        f"{naming.name}-agent-acl",
        naming,
        namespace,
        {
            SERVER_ACL: acl_file("server", server=True),
            CLIENT_ACL: acl_file("client", server=False),
            MANAGEMENT_TOKEN: seed.apply(MANAGEMENT.secret_id),
            RECOVERY_TOKEN: seed.apply(RECOVERY.secret_id),
            **{file: seed.apply(tokens[name].secret_id) for name, file in TOKEN_FILES.items()},
        },
        opts,
    )
    job = create_secret(
        naming.acl,
        naming,
        namespace,
        seed.apply(lambda text: _job_files(text, [*own, *services])),
        opts,
    )
    policies = create_config_map(
        naming.acl,
        naming,
        namespace,
        {f"{token.policy}.json": render({"Name": token.policy, "Rules": token.rules}) for token in own},
        opts,
    )
    return Acl(tokens, seed, agents, job, policies)


def _job_files(seed: str, tokens: Iterable[Token]) -> dict[str, str]:
    management = MANAGEMENT.secret_id(seed)
    files = {f"{token.accessor_id(seed)}.json": render(token.request(seed)) for token in tokens}
    return {MANAGEMENT_TOKEN: management, HEADER: f"X-Consul-Token: {management}"} | files
