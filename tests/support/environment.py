"""The environment of programs that tests run: the user's, without what leads to the user's own stacks and clusters."""

import os

_OF_THE_USER = ("CONSUL_", "DEVCLUSTER_", "KUBE", "MAKE", "MFLAGS", "PULUMI_", "VIRTUAL_ENV")
_KEPT = ("CONSUL_CLUSTER_CACHE", "PULUMI_HOME")
"""Where the toolchain is, and where a Pulumi of the user's own has its providers."""


def clean_environment() -> dict[str, str]:
    """Return an environment in which no cluster can be reached, whatever `make env` has set in this shell."""
    kept = {key: value for key, value in os.environ.items() if key in _KEPT or not key.startswith(_OF_THE_USER)}
    return kept | {"KUBECONFIG": "/nonexistent/kubeconfig"}
