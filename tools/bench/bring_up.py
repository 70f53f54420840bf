"""Compare `pulumi up` of a new cluster with `kubectl apply` of the same objects."""

import json
import re
import secrets
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.support.consul import Consul, wait_for
from tests.support.manifests import deployed
from tests.support.settings import E2E_DEVELOPMENT, E2E_PRODUCTION
from tests.support.stack import Stack
from tools.bench.figures import Figure, seconds
from tools.devcluster.cluster import Cluster

_AGENTS = 6


def measure(folder: Path, cluster: Cluster, rounds: int, console: Console) -> list[Figure]:
    """Create the cluster of each environment in both ways, on new volumes, and delete it, in each round."""
    environments = {"dev": E2E_DEVELOPMENT, "prod": E2E_PRODUCTION}
    return [
        figure
        for name, settings in environments.items()
        for figure in _measure(name, settings, folder / name, cluster, rounds, console)
    ]


def _measure(
    name: str, settings: dict[str, Any], folder: Path, cluster: Cluster, rounds: int, console: Console
) -> list[Figure]:
    stack = Stack(folder, kubeconfig=cluster.kubeconfig)
    stack.configure(settings)
    consul = Consul(cluster.kubeconfig, settings["namespace"])
    up = Figure(f"{name}: up from nothing, until it returns", "kubectl apply, until six are alive", "≤ 1.15")
    alive = Figure(f"{name}: up from nothing, until six are alive", "kubectl apply, until six are alive", "≤ 1.2")
    again = Figure(f"{name}: up with nothing to change", "preview", "≤ 1.2")
    rolled = Figure(f"{name}: rolling update, clientMinReadySeconds 0", aim="≤ 30 s")
    destroy = Figure(f"{name}: destroy")
    objects = Figure(f"{name}: Kubernetes objects", unit="")
    calls = Figure(f"{name}: API calls of up", "of kubectl apply", unit="")
    for number in range(rounds):
        console.print(f"{name}: up {number + 1} of {rounds}")
        before = api_calls(consul)
        with until_alive(consul) as six_alive:
            up.samples.append(seconds(stack.up))
        alive.samples += six_alive
        calls.samples.append(api_calls(consul) - before)
        again.samples.append(seconds(stack.up))
        again.other.append(seconds(stack.preview))
        manifest = manifests(stack)
        objects.samples.append(len(manifest["items"]))
        with stack.configured(settings | {"logLevel": "warn", "clientMinReadySeconds": 0}):
            rolled.samples.append(seconds(stack.up))
        stack.pulumi("state", "unprotect", "--all", "--yes")
        destroy.samples.append(seconds(lambda: stack.pulumi("destroy", "--yes", "--skip-preview")))
        # Production retains the namespace and the volumes.
        consul.kubectl("delete", "namespace", settings["namespace"], "--ignore-not-found", timeout=180)
        consul.kubectl("delete", "persistentvolumes", "--selector=app.kubernetes.io/instance=consul")

        console.print(f"{name}: kubectl apply {number + 1} of {rounds}")
        before = api_calls(consul)
        with until_alive(consul) as six_alive:
            consul.kubectl("apply", "--filename", "-", stdin=json.dumps(manifest))
        up.other += six_alive
        alive.other += six_alive
        calls.other.append(api_calls(consul) - before)
        consul.kubectl("delete", "--filename", "-", "--wait", stdin=json.dumps(manifest), timeout=180)
    return [up, alive, again, rolled, destroy, objects, calls]


@contextmanager
def until_alive(consul: Consul) -> Generator[list[float]]:
    """Yield a list that gets the seconds until all agents are alive, as `consul members` shows them."""
    start = time.monotonic()
    found: list[float] = []

    def watch() -> None:
        wait_for("six agents alive", lambda: len(consul.alive()) == _AGENTS, 180)
        found.append(time.monotonic() - start)

    with ThreadPoolExecutor() as pool:
        watching = pool.submit(watch)
        yield found
        watching.result()


def manifests(stack: Stack) -> dict[str, Any]:
    """Return the stack's objects as a List for kubectl, with new folders for the data."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": deployed(stack)})
    return json.loads(re.sub(r"(?<=-)[0-9a-f]{8}(?=/\$\(POD_NAME\))", secrets.token_hex(4), text))


def api_calls(consul: Consul) -> int:
    """Return the number of requests that the API server has answered, including those of Kubernetes itself."""
    metrics = consul.kubectl("get", "--raw", "/metrics")
    counted = re.findall(r"^apiserver_request_total\{.*\} (\S+)$", metrics, re.MULTILINE)
    return int(sum(float(count) for count in counted))
