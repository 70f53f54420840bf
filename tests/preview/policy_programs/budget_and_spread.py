"""Servers whose budget is another's, and that may all run on one node."""

from typing import Any

import pulumi

from tests.preview.policy_programs.cluster import cluster


def anothers(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    props["spec"]["selector"] = {"matchLabels": {"app": "web"}}


def together(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    for constraint in props["spec"]["template"]["spec"]["topologySpreadConstraints"]:
        constraint["whenUnsatisfiable"] = "ScheduleAnyway"


cluster({"PodDisruptionBudget consul": anothers, "StatefulSet consul": together})
