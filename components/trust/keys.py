"""The random secrets of a cluster: CA keys, gossip keys, seeds of the ACL tokens.

The gossip keys and the seeds come from RandomPassword, whose resource ID is `none`. The ID of RandomBytes, RandomId
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
from components.trust.generations import CA_KEYS, GOSSIP_KEYS, TOKEN_SETTINGS, declared_generations, generation_name


@dataclass(frozen=True)
class Keys:
    """The random secrets. A new value of one would break the cluster's trust, so the guard refuses it.

    `ca` has a CA's private key, which exists only in the Pulumi state, for each generation in the setting `caKeys`, in
    that order. `gossip` has a gossip key, 32 bytes in base64, for each generation in the setting `gossipKeys`, in that
    order. `acl` has a seed, from which ACL tokens are derived, for each generation in one of TOKEN_SETTINGS.
    """

    ca: Mapping[int, tls.PrivateKey]
    gossip: Mapping[int, pulumi.Output[str]]
    acl: Mapping[int, pulumi.Output[str]]

    @property
    def primary_gossip_key(self) -> pulumi.Output[str]:
        """Return the key with which agents encrypt messages: that of the first generation."""
        return next(iter(self.gossip.values()))

    @property
    def keyring(self) -> pulumi.Output[str]:
        """Return the gossip keys as an agent keeps them in its data directory."""
        return pulumi.Output.all(*self.gossip.values()).apply(json.dumps)

    @property
    def acl_seeds(self) -> pulumi.Output[Mapping[int, str]]:
        """Return the seeds of the ACL tokens by generation."""
        return pulumi.Output.all(*self.acl.values()).apply(lambda seeds: dict(zip(self.acl, seeds, strict=True)))

    @property
    def gossip_fingerprints(self) -> pulumi.Output[str]:
        """Return the fingerprints of the gossip keys, separated by spaces; they are not secret."""
        fingerprints = pulumi.Output.all(*self.gossip.values()).apply(lambda keys: " ".join(map(fingerprint, keys)))
        return pulumi.Output.unsecret(fingerprints)


def create_keys(
    name: str, settings: Settings, before: Mapping[str, Sequence[int]], opts: pulumi.ResourceOptions
) -> Keys:
    """Create the random secrets.

    In production, protect the keys and seeds that are in use both before and after this update: their generation is the
    first one in a setting, in `before` and now. Others may be removed later, or never come into use if the update is
    refused.
    """
    declared = declared_generations(settings)

    def options(generation: int, *names: str) -> pulumi.ResourceOptions:
        in_use = any(generation == before[name][0] == declared[name][0] for name in names)
        return protected(opts, when=settings.production and in_use)

    ca = {
        generation: tls.PrivateKey(
            generation_name(f"{name}-ca", generation),
            algorithm="ECDSA",
            ecdsa_curve=CURVE,
            opts=options(generation, CA_KEYS),
        )
        for generation in settings.ca_keys
    }
    gossip = {
        generation: random.RandomPassword(
            generation_name(f"{name}-gossip", generation),
            length=64,
            special=False,
            opts=options(generation, GOSSIP_KEYS),
        ).result.apply(gossip_key)
        for generation in settings.gossip_keys
    }
    acl = {
        generation: random.RandomPassword(
            generation_name(f"{name}-acl", generation),
            length=64,
            special=False,
            opts=options(generation, *TOKEN_SETTINGS),
        ).result
        for generation in sorted({generation for name in TOKEN_SETTINGS for generation in declared[name]})
    }
    return Keys(ca, gossip, acl)
