"""The random secrets of a cluster: CA key, gossip keys, ACL seed.

The gossip keys and the ACL seed come from RandomPassword, whose resource ID is `none`. The ID of RandomBytes, RandomId
and RandomUuid is the value itself, and Pulumi never encrypts an ID (pulumi/pulumi#2717).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_random as random
import pulumi_tls as tls

from components.agents.agent_config import gossip_key
from components.kubernetes.protection import protected
from components.settings import Settings
from components.trust.authority import CURVE
from components.trust.fingerprint import fingerprint


@dataclass(frozen=True)
class Keys:
    """The random secrets. A new value of one would break the cluster's trust, so the guard refuses it.

    `ca` is the CA's private key, which exists only in the Pulumi state. `gossip` has a gossip key, 32 bytes in base64,
    for each generation in the setting `gossipKeys`, in that order. All ACL tokens are derived from `acl_seed`.
    """

    ca: tls.PrivateKey
    gossip: Mapping[int, pulumi.Output[str]]
    acl_seed: pulumi.Output[str]

    @property
    def primary_gossip_key(self) -> pulumi.Output[str]:
        """Return the key with which agents encrypt messages: that of the first generation."""
        return next(iter(self.gossip.values()))

    @property
    def keyring(self) -> pulumi.Output[str]:
        """Return the gossip keys as an agent keeps them in its data directory."""
        return pulumi.Output.all(*self.gossip.values()).apply(json.dumps)

    @property
    def gossip_fingerprints(self) -> pulumi.Output[str]:
        """Return the fingerprints of the gossip keys, separated by spaces; they are not secret."""
        fingerprints = pulumi.Output.all(*self.gossip.values()).apply(lambda keys: " ".join(map(fingerprint, keys)))
        return pulumi.Output.unsecret(fingerprints)


def create_keys(name: str, settings: Settings, primary_before: int, opts: pulumi.ResourceOptions) -> Keys:
    """Create the random secrets. In production, the CA's key, the ACL seed and one gossip key are protected.

    A gossip key is protected if it was the primary key before this update and still is: `primary_before` is the
    generation of that key. Others may be removed later, or never come into use if the update is refused.
    """
    kept = protected(opts, when=settings.production)
    gossip = {
        generation: random.RandomPassword(
            # The names that the keys had before there were generations.
            f"{name}-gossip" if generation == 1 else f"{name}-gossip-{generation}",
            length=64,
            special=False,
            opts=kept if generation == primary_before == settings.gossip_keys[0] else opts,
        ).result.apply(gossip_key)
        for generation in settings.gossip_keys
    }
    return Keys(
        ca=tls.PrivateKey(f"{name}-ca", algorithm="ECDSA", ecdsa_curve=CURVE, opts=kept),
        gossip=gossip,
        acl_seed=random.RandomPassword(f"{name}-acl", length=64, special=False, opts=kept).result,
    )
