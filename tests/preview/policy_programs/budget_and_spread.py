"""Servers that no disruption budget selects, and that may all run on one node."""

from typing import Any

import pulumi

from tests.preview.policy_programs.cluster import cluster


def select_other_pods(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    props["spec"]["selector"] = {"matchLabels": {"app": "web"}}


def prefer_spread(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    for constraint in props["spec"]["template"]["spec"]["topologySpreadConstraints"]:
        constraint["whenUnsatisfiable"] = "ScheduleAnyway"


cluster({"PodDisruptionBudget consul": select_other_pods, "StatefulSet consul": prefer_spread})
