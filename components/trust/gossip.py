"""The key that encrypts gossip between all agents."""

import pulumi
import pulumi_random as random

from components.agents.agent_config import gossip_key


def create_gossip_key(name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """A new cluster's gossip key: 32 bytes in base64, a secret.

    RandomBytes and RandomId would be shorter, but their resource ID is the value itself, and an ID is never
    encrypted (pulumi/pulumi#2717); a RandomPassword's ID is `none`.
    """
    password = random.RandomPassword(f"{name}-gossip", length=64, special=False, opts=opts)
    return password.result.apply(gossip_key)
