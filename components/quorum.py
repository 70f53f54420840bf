"""Majority and tolerated losses of a Raft cluster. Pure; every rule about quorum uses these two functions.

Raft needs a majority of the voters to elect a leader and to commit a write
(https://developer.hashicorp.com/consul/docs/concept/consensus#deployment-table).
"""


def majority(voters: int) -> int:
    """Return how many voters must agree: 2 of 3, 3 of 5."""
    return voters // 2 + 1


def tolerated_losses(voters: int) -> int:
    """Return how many voters may fail at once while a majority stays: 1 of 3, 2 of 5; never below 0."""
    return max(voters - majority(voters), 0)
