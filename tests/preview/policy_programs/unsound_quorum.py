"""Four servers with a `bootstrap_expect` of 3, of which two may be evicted at once."""

from typing import Any

import pulumi

from tests.preview.policy_programs.cluster import cluster


def set_four_replicas(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    props["spec"]["replicas"] = 4


def allow_two_evictions(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    props["spec"] = {"selector": props["spec"]["selector"], "minAvailable": "50%"}


cluster({"StatefulSet consul": set_four_replicas, "PodDisruptionBudget consul": allow_two_evictions})
