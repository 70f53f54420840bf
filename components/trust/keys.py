"""The random secrets of a cluster: CA key, gossip key, ACL seed.

The gossip key and the ACL seed come from RandomPassword, whose resource ID is `none`. The ID of RandomBytes, RandomId
and RandomUuid is the value itself, and Pulumi never encrypts an ID (pulumi/pulumi#2717).
"""

import pulumi
import pulumi_random as random
import pulumi_tls as tls

from components.agents.agent_config import gossip_key
from components.trust.authority import CURVE


def create_ca_key(name: str, opts: pulumi.ResourceOptions) -> tls.PrivateKey:
    """Create the CA's private key. It exists only in the Pulumi state."""
    return tls.PrivateKey(f"{name}-ca", algorithm="ECDSA", ecdsa_curve=CURVE, opts=opts)


def create_gossip_key(name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Create the gossip key: 32 bytes in base64, a secret."""
    return random.RandomPassword(f"{name}-gossip", length=64, special=False, opts=opts).result.apply(gossip_key)


def create_acl_seed(name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Create the random string that all ACL tokens are derived from, a secret."""
    return random.RandomPassword(f"{name}-acl", length=64, special=False, opts=opts).result
