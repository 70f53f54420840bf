"""The environment of programs that tests run: the user's, without access to the user's own stacks and clusters."""

import os

_REMOVED_PREFIXES = ("CONSUL_", "DEVCLUSTER_", "KUBE", "MAKE", "MFLAGS", "PULUMI_", "VIRTUAL_ENV")
_KEPT = ("CONSUL_CLUSTER_CACHE", "PULUMI_HOME")
"""The paths of the toolchain, and of the providers of an installed Pulumi."""


def clean_environment() -> dict[str, str]:
    """Return an environment in which no cluster can be reached, whatever `make env` has set in this shell."""
    kept = {key: value for key, value in os.environ.items() if key in _KEPT or not key.startswith(_REMOVED_PREFIXES)}
    return kept | {"KUBECONFIG": "/nonexistent/kubeconfig"}
