"""The random secrets of a cluster: CA key, gossip key, ACL seed.

The gossip key and the ACL seed come from RandomPassword, whose resource ID is `none`. The ID of RandomBytes, RandomId
and RandomUuid is the value itself, and Pulumi never encrypts an ID (pulumi/pulumi#2717).
"""

from dataclasses import dataclass

import pulumi
import pulumi_random as random
import pulumi_tls as tls

from components.agents.agent_config import gossip_key
from components.trust.authority import CURVE


@dataclass(frozen=True)
class Keys:
    """The random secrets. Changing one would break the cluster's trust, so the guard refuses it.

    `ca` is the CA's private key, which exists only in the Pulumi state. `gossip` is 32 bytes in base64. All ACL tokens
    are derived from `acl_seed`.
    """

    ca: tls.PrivateKey
    gossip: pulumi.Output[str]
    acl_seed: pulumi.Output[str]


def create_keys(name: str, opts: pulumi.ResourceOptions) -> Keys:
    """Create the random secrets."""
    return Keys(
        ca=tls.PrivateKey(f"{name}-ca", algorithm="ECDSA", ecdsa_curve=CURVE, opts=opts),
        gossip=random.RandomPassword(f"{name}-gossip", length=64, special=False, opts=opts).result.apply(gossip_key),
        acl_seed=random.RandomPassword(f"{name}-acl", length=64, special=False, opts=opts).result,
    )
