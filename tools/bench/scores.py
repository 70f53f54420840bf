"""The scores that kube-score and checkov give the production stack's objects."""

from pathlib import Path

from rich.console import Console

from tests.support.checkers import checkov, exceptions, kube_score, without_exceptions
from tests.support.manifests import previewed, settings_of
from tests.support.stack import Stack
from tools.bench.figures import Figure


def measure(folder: Path, console: Console) -> list[Figure]:
    """Measure each checker's share of points or passed checks, with and without waivers."""
    console.print("scores")
    stack = Stack(folder)
    stack.configure(settings_of("prod"))
    manifests = previewed(stack)
    bare = without_exceptions(manifests)
    points = Figure(
        "prod: kube-score's points", "without exceptions", "100 % (Bitnami's chart 94.4 %, consul-k8s' 74.6 %)", "%"
    )
    checks = Figure(
        "prod: checkov's checks passed",
        "without exceptions",
        "100 % (Bitnami's chart 92.5 %, consul-k8s' 86.4 %, the original walkthrough 76.7 %)",
        "%",
    )
    for figure, checker in ((points, kube_score), (checks, checkov)):
        figure.samples.append(100 * checker(manifests).share)
        figure.other.append(100 * checker(bare).share)
    excepted = Figure("prod: exceptions, each with its reason", unit="", samples=[len(exceptions(manifests))])
    return [points, checks, excepted]
