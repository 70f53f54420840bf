"""The random secrets of a cluster: CA keys, gossip keys, ACL seed.

The gossip keys and the ACL seed come from RandomPassword, whose resource ID is `none`. The ID of RandomBytes, RandomId
and RandomUuid is the value itself, and Pulumi never encrypts an ID (pulumi/pulumi#2717).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random
import pulumi_tls as tls

from components.agents.agent_config import gossip_key
from components.kubernetes.protection import protected
from components.settings import Settings
from components.trust.authority import CURVE
from components.trust.fingerprint import fingerprint
from components.trust.generations import CA_KEYS, GOSSIP_KEYS, generation_name


@dataclass(frozen=True)
class Keys:
    """The random secrets. A new value of one would break the cluster's trust, so the guard refuses it.

    `ca` has a CA's private key, which exists only in the Pulumi state, for each generation in the setting `caKeys`, in
    that order. `gossip` has a gossip key, 32 bytes in base64, for each generation in the setting `gossipKeys`, in that
    order. All ACL tokens are derived from `acl_seed`.
    """

    ca: Mapping[int, tls.PrivateKey]
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


def create_keys(
    name: str, settings: Settings, before: Mapping[str, Sequence[int]], opts: pulumi.ResourceOptions
) -> Keys:
    """Create the random secrets.

    In production, the ACL seed is protected, and each CA key and gossip key whose generation is the first one in its
    setting now and was the first one before this update (`before`). Other keys may be removed later, or never come into
    use if the update is refused.
    """
    kept = protected(opts, when=settings.production)

    def options(setting: str, generation: int, in_use: int) -> pulumi.ResourceOptions:
        return kept if generation == before[setting][0] == in_use else opts

    ca = {
        generation: tls.PrivateKey(
            generation_name(f"{name}-ca", generation),
            algorithm="ECDSA",
            ecdsa_curve=CURVE,
            opts=options(CA_KEYS, generation, settings.ca_keys[0]),
        )
        for generation in settings.ca_keys
    }
    gossip = {
        generation: random.RandomPassword(
            generation_name(f"{name}-gossip", generation),
            length=64,
            special=False,
            opts=options(GOSSIP_KEYS, generation, settings.gossip_keys[0]),
        ).result.apply(gossip_key)
        for generation in settings.gossip_keys
    }
    acl_seed = random.RandomPassword(f"{name}-acl", length=64, special=False, opts=kept).result
    return Keys(ca, gossip, acl_seed)
