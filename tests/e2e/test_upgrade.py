"""A cluster of an earlier version becomes one of this version by one `pulumi up`."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.consul import Consul, server_names
from tests.support.settings import E2E_DEVELOPMENT, E2E_PRODUCTION
from tests.support.stack import PROJECT_DIR, Stack
from tools.devcluster.cluster import Cluster

# The last version whose servers advertise the addresses of their pods. In its development stacks, the StatefulSet owns
# the servers' claims.
POD_ADDRESSES = "c9961a793fa1d712504bc2b623fb3fec04137b76"

# The last version in which a new certificate restarts the agents.
IMMUTABLE_CERTIFICATES = "1b2c4d95f8b0e53b7e345fa533371b0d3b023d40"

FEW: dict[str, Any] = {"namespace": "upgrade", "clientReplicas": 1, "clientNamespaces": [], "serviceTokens": []}
PRODUCTION = E2E_PRODUCTION | FEW
DEVELOPMENT = E2E_DEVELOPMENT | FEW | {"ingressHost": "upgrade.localhost", "storageNodes": PRODUCTION["storageNodes"]}


def extracted(commit: str, folder: Path) -> Path:
    """Extract a version from the repository's history, and return its folder."""
    archive = subprocess.run(["git", "archive", commit], cwd=PROJECT_DIR, capture_output=True, check=True).stdout
    folder.mkdir()
    subprocess.run(["tar", "--extract", f"--directory={folder}"], input=archive, check=True)
    (folder / ".venv").symlink_to(PROJECT_DIR / ".venv")
    return folder


@pytest.mark.parametrize(
    ("commit", "settings"),
    [
        pytest.param(POD_ADDRESSES, DEVELOPMENT, id="pod addresses", marks=pytest.mark.soak),
        pytest.param(IMMUTABLE_CERTIFICATES, PRODUCTION, id="immutable certificates"),
    ],
)
def test_one_update_replaces_nothing_and_loses_nothing(
    cluster: Cluster, tmp_path: Path, commit: str, settings: dict[str, Any]
) -> None:
    before = extracted(commit, tmp_path / "before")
    stack = Stack(tmp_path / "stack", "upgrade", kubeconfig=cluster.kubeconfig, project=before)
    stack.configure(settings)
    stack.up()
    consul = Consul(cluster.kubeconfig, "upgrade", stack.outputs()["managementToken"])
    try:
        consul.wait_healthy(clients=1)
        assert (consul.member("consul-0").address == consul.address("consul-0")) is (commit == POD_ADDRESSES)
        consul.consul("kv", "put", "before", "upgrade")
        kept = {of["urn"] for of in stack.deployment()}
        claims = {claim["metadata"]["uid"] for claim in consul.objects("persistentvolumeclaims")}

        stack.project = PROJECT_DIR
        printed = stack.up()
        assert not [line for line in printed.splitlines() if "StatefulSet" in line and "replace" in line]
        consul.wait_healthy(clients=1)
        services = {of["metadata"]["name"]: of["spec"]["clusterIP"] for of in consul.objects("services")}
        for server in ("consul-0", "consul-1", "consul-2"):
            assert consul.member(server).address == services[server]
        assert consul.consul("kv", "get", "before") == "upgrade\n"
        kept_claims = [claim["metadata"] for claim in consul.objects("persistentvolumeclaims")]
        assert {claim["uid"] for claim in kept_claims} == claims
        assert not [claim for claim in kept_claims if "ownerReferences" in claim]
        assert kept <= {of["urn"] for of in stack.deployment()}
        stack.preview("--expect-no-changes")
        with stack.configured(settings | {"domain": "other.example"}):
            assert "domain cannot change" in stack.preview(check=False)
    finally:
        stack.destroy_protected()
        consul.kubectl("delete", "namespace", "upgrade", "--ignore-not-found")
        # In production they remain. The claims are gone, so no other cluster could bind these volumes.
        volumes = [f"upgrade-data-{server}" for server in server_names(3)]
        consul.kubectl("delete", "persistentvolume", "--ignore-not-found", *volumes)
