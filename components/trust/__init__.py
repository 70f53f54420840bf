"""The certificate authority, certificates and the gossip key."""
