"""Snapshots of what the component declares: one file a kind, and the identity of every resource.

A change of an identity replaces resources of existing stacks: give the resource an alias, and test that an update from
the last version replaces nothing. `pytest tests/unit --snapshot-update` updates the snapshots; review their diff.
"""

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileAmberSnapshotExtension

from components.settings import Settings
from tests.support.graph import declare, development, production

ENVIRONMENTS = {
    "development": development(ingress_enabled=True, ingress_host="consul.localhost"),
    "production": production(),
}
KINDS = [
    *("ConfigMap", "ConsulCluster", "Ingress", "Job", "Namespace", "NetworkPolicy", "PersistentVolume"),
    *(
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Secret",
        "SecretPatch",
        "Service",
        "ServiceAccount",
        "StatefulSet",
        "Stash",
    ),
    *("CertRequest", "LocallySignedCert", "PrivateKey", "SelfSignedCert", "RandomId", "RandomPassword"),
]


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return a snapshot fixture with one file for each snapshot."""
    return snapshot.use_extension(SingleFileAmberSnapshotExtension)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_inputs(environment: str, kind: str, snapshot: SnapshotAssertion) -> None:
    assert declare(ENVIRONMENTS[environment]).of_kind(kind) == snapshot


@pytest.mark.parametrize("settings", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_every_kind_has_a_snapshot(settings: Settings) -> None:
    assert {name.split()[0] for name in declare(settings).inputs} <= set(KINDS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_identities(environment: str, snapshot: SnapshotAssertion) -> None:
    """Compare the URN of each resource, which has its type and name, and its parent's URN."""
    assert sorted(declare(ENVIRONMENTS[environment]).identities) == snapshot
