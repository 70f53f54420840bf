"""The Secrets and the ConfigMap with ACL tokens and policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret, SecretPatch

from components.acl.tokens import MANAGEMENT, Token, accessor_ids, acl_config
from components.agents.agent_config import MANAGEMENT_TOKEN, render
from components.cluster import Cluster
from components.identity import CLIENT, HEALTH, SERVER
from components.kubernetes.filled_secret import fill_secret
from components.kubernetes.immutable import create_config_map, create_secret
from components.parallelism import known_after
from components.trust.keys import Keys

# Keys of the agents' Secret.
SERVER_ACL = "server-acl.json"
CLIENT_ACL = "client-acl.json"
TOKEN_FILES = {SERVER: "server-token", CLIENT: "client-token", HEALTH: "health-token"}

# Key of the ACL Job's ConfigMap, in addition to one key for each policy.
REVOKED = "revoked"


@dataclass(frozen=True)
class Acl:
    """The tokens, the seeds from which they are derived, and the objects whose keys become files in pods.

    `agents` is the name of the Secret for the agents and the health check; `fill_tokens` fills it. The pre-flight check
    and the ACL Job read `management`. The ACL Job also reads `job` and `policies`. A new service token changes only
    `job`, so no pod restarts.
    """

    tokens: Mapping[str, Token]
    seeds: pulumi.Output[Mapping[int, str]]
    agents: pulumi.Output[str]
    management: Secret
    job: Secret
    policies: ConfigMap

    def current_secret_ids(self) -> pulumi.Output[dict[str, str]]:
        """Return the secret IDs of the tokens in use by token name, as a secret output."""
        tokens = self.tokens.items()
        return self.seeds.apply(lambda seeds: {name: token.current_secret_id(seeds) for name, token in tokens})


def declared_accessors(tokens: Mapping[str, Token], keys: Keys) -> pulumi.Output[list[str]]:
    """Return the accessor IDs of the declared tokens, sorted. They are not secret."""
    return pulumi.Output.unsecret(keys.acl_seeds.apply(lambda seeds: accessor_ids(tokens, seeds)))


def create_acl(
    cluster: Cluster,
    tokens: Mapping[str, Token],
    keys: Keys,
    revoked: pulumi.Output[list[str]],
    opts: pulumi.ResourceOptions,
) -> Acl:
    """Create the Secret for the agents, still empty, and the Secrets and the ConfigMap for the Jobs.

    `revoked` are the accessor IDs of tokens that were declared before.
    """
    naming, seeds = cluster.naming, keys.acl_seeds
    agents = Secret(naming.agent_acl, metadata=cluster.metadata(naming.agent_acl), opts=opts).metadata.name
    management = seeds.apply(lambda known: _management_files(known, tokens[MANAGEMENT]))
    requests = seeds.apply(lambda known: _requests(known, tokens))
    policies: dict[str, pulumi.Input[str]] = {
        f"{token.own_policy}.json": render({"Name": token.own_policy, "Rules": token.rules})
        for token in tokens.values()
        if token.rules
    }
    policies[REVOKED] = revoked.apply(lambda ids: "".join(f"{accessor}\n" for accessor in ids))
    return Acl(
        tokens,
        seeds,
        agents,
        create_secret(f"{naming.name}-management", cluster, management, opts),
        create_secret(naming.acl, cluster, requests, opts),
        create_config_map(naming.acl, cluster, policies, opts),
    )


def fill_tokens(
    cluster: Cluster, acl: Acl, after: Sequence[pulumi.CustomResource], opts: pulumi.ResourceOptions
) -> SecretPatch:
    """Fill the agents' Secret after the resources `after`. Pods and Jobs that mount it must depend on the result."""

    def acl_file(role: str) -> pulumi.Output[str]:
        return acl.seeds.apply(lambda seeds: render(acl_config(seeds, acl.tokens, role)))

    def token(name: str) -> pulumi.Output[str]:
        return acl.seeds.apply(acl.tokens[name].current_secret_id)

    files = {
        SERVER_ACL: acl_file(SERVER),
        CLIENT_ACL: acl_file(CLIENT),
        MANAGEMENT_TOKEN: token(MANAGEMENT),
        **{file: token(name) for name, file in TOKEN_FILES.items()},
    }
    return fill_secret(cluster.naming.agent_acl, cluster, known_after(after, acl.agents), files, opts)


def _management_files(seeds: Mapping[int, str], management: Token) -> dict[str, str]:
    """Return a file for the management token of each generation: its name has the generation and the accessor ID."""
    return {
        f"{generation:06}-{management.accessor_id(seeds[generation])}": management.secret_id(seeds[generation])
        for generation in management.generations
    }


def _requests(seeds: Mapping[int, str], tokens: Mapping[str, Token]) -> dict[str, str]:
    """Return a file for each token with the request that creates it."""
    return {
        f"{token.accessor_id(seeds[generation])}.json": render(token.request(seeds[generation], generation))
        for token in tokens.values()
        for generation in token.generations
    }
