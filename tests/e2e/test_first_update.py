"""A first update with wrong settings is corrected by the next one, until the cluster was healthy once."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.consul import Consul, ready, server_names, wait_for
from tests.support.settings import E2E_DEVELOPMENT, E2E_PRODUCTION
from tests.support.stack import Stack
from tools.devcluster.cluster import Cluster

# The last nodes do not exist, and have no server.
NODES = ["node-1", "node-2", "node-3", "node-8", "node-9"]
SETTINGS: dict[str, dict[str, Any]] = {
    "development": E2E_DEVELOPMENT | {"ingressEnabled": False, "storageNodes": NODES},
    "production": E2E_PRODUCTION | {"storageNodes": NODES},
}


def unbound(consul: Consul) -> bool:
    claims = consul.objects("persistentvolumeclaims")
    return [claim["spec"]["storageClassName"] for claim in claims] == ["fasst"] * 3


def unscheduled(consul: Consul) -> bool:
    return not any("nodeName" in pod["spec"] for pod in consul.agents("server"))


def unmounted(consul: Consul) -> bool:
    return "/nowhere" in consul.kubectl("get", "events", "--field-selector", "reason=FailedMount")


def two_unscheduled(consul: Consul) -> bool:
    """Return whether three of five servers run, and wait for the others to bootstrap the cluster."""
    running = [pod for pod in consul.agents("server") if pod["status"]["phase"] == "Running"]
    return len(running) == 3 and not any(ready(pod) for pod in running)


def servers_run(consul: Consul) -> bool:
    return sum(ready(pod) for pod in consul.agents("server")) == 3


def clients_exist(consul: Consul) -> bool:
    """Return whether the ACL Job has succeeded: the clients come after it."""
    return len(consul.agents("client")) == 3


# Wrong settings, one attempt after the other, and what each leads to before the update is interrupted. The environments
# differ only in what the attempts leave behind.
Attempt = tuple[dict[str, Any], Callable[[Consul], bool]]
FIRST: Attempt = ({"namespace": "wrong", "storageClass": "fasst", "storageNodes": []}, unbound)
ATTEMPTS: dict[str, list[Attempt]] = {
    "development": [
        FIRST,
        ({"domain": "wrong.example"}, servers_run),
        ({"storageSize": "9Gi"}, clients_exist),
    ],
    "production": [
        FIRST,
        ({"storageNodes": ["node-7", "node-8", "node-9"]}, unscheduled),
        ({"serverResources": {"requests": {"cpu": "1000"}}}, unscheduled),
        ({"storagePath": "/nowhere"}, unmounted),
        ({"serverReplicas": 5}, two_unscheduled),
    ],
}


def claimed(consul: Consul, attempt: int, servers: int) -> bool:
    """Return whether so many servers' pods are those of an attempt: they have its claims."""
    claim = "data" if attempt == 1 else f"data-{attempt}"
    claims = {
        volume.get("persistentVolumeClaim", {}).get("claimName")
        for pod in consul.agents("server")
        for volume in pod["spec"]["volumes"]
    }
    return claims - {None} == {f"{claim}-{name}" for name in server_names(servers)}


@pytest.fixture(params=[pytest.param("development", marks=pytest.mark.soak), "production"])
def first(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Iterator[Stack]:
    """Yield a stack with settings that are right, before its first update. Remove everything at the end."""
    stack = Stack(tmp_path, kubeconfig=cluster.kubeconfig)
    stack.configure(SETTINGS[request.param] | {"namespace": "first"})
    yield stack
    consul = Consul(cluster.kubeconfig, "first")
    stack.destroy_protected()
    consul.kubectl("delete", "namespace", "--ignore-not-found", "first", "wrong")
    volumes = [volume["metadata"]["name"] for volume in consul.objects("persistentvolumes")]
    if left := [name for name in volumes if name.startswith(("first-", "wrong-"))]:
        consul.kubectl("delete", "persistentvolume", *left)


def test_settings_of_a_first_update_can_be_corrected(cluster: Cluster, first: Stack) -> None:
    stack, right = first, first.settings
    for attempt, (wrong, seen) in enumerate(ATTEMPTS[right["environment"]], 1):
        settings = right | wrong
        stack.configure(settings)
        consul = Consul(cluster.kubeconfig, settings["namespace"])
        declared = settings.get("serverReplicas", 3)
        with stack.updating():
            wait_for(f"pods of attempt {attempt}", partial(claimed, consul, attempt, declared), 240)
            wait_for(f"the effect of {wrong}", partial(seen, consul), 120)
    stack.configure(right | {"namespace": "wrong"})
    assert "namespace cannot go back to wrong" in stack.preview(check=False)
    stack.configure(right)
    assert "starts over" in stack.preview()
    stack.up()
    consul = Consul(cluster.kubeconfig, right["namespace"], stack.outputs()["managementToken"])
    consul.wait_healthy(seconds=10)

    # The next update protects a production cluster again, and restarts no agent. The volume without a server can move.
    pods = consul.uids()
    stack.configure(right | {"storageNodes": [*NODES[:3], "node-7"]})
    stack.up()
    stack.preview("--expect-no-changes")
    assert consul.uids() == pods
    with stack.configured(stack.settings | {"domain": "other.example", "storageNodes": ["node-2", "node-1", "node-3"]}):
        refused = stack.preview(check=False)
    assert "domain cannot change" in refused
    assert "storageNodes cannot change" in refused
    servers = next(of for of in stack.deployment() if of["urn"].endswith("StatefulSet::consul"))
    assert servers.get("protect", False) is (right["environment"] == "production")
    # In production, the volumes of the attempts before remain.
    claims = {claim["metadata"]["name"] for claim in consul.objects("persistentvolumeclaims")}
    assert ("data-2-consul-0" in claims) is (right["environment"] == "production")
