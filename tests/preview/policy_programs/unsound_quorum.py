"""Four servers, of which three are expected and two may be evicted at once."""

from typing import Any

import pulumi

from tests.preview.policy_programs.cluster import cluster


def four(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    props["spec"]["replicas"] = 4


def lenient(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    props["spec"] = {"selector": props["spec"]["selector"], "minAvailable": "50%"}


cluster({"StatefulSet consul": four, "PodDisruptionBudget consul": lenient})
