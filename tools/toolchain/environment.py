"""Choose between the user's programs and the toolchain's, and return the environment for Pulumi."""

from __future__ import annotations

import functools
import os
import re
import shutil
from pathlib import Path

from tools.commands import run
from tools.errors import ToolError
from tools.toolchain import cache, parts

OFFLINE = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1", "PULUMI_SKIP_UPDATE_CHECK": "1"}
"""The toolchain's Pulumi has all plugins in its home, so it downloads nothing and checks for no update."""

_KUBECTL_LIMIT_SECONDS = 10


def users_pulumi() -> Path | None:
    """Return the path of the user's own `pulumi`, if it is installed with its Python language host."""
    path = _path_without_ours()
    pulumi = shutil.which("pulumi", path=path)
    return Path(pulumi) if pulumi and shutil.which("pulumi-language-python", path=path) else None


@functools.cache
def users_kubectl() -> Path | None:
    """Return the path of the user's `kubectl`, if it supports the local Kubernetes and the toolchain's is not built.

    A kubectl supports API servers that are at most one minor version older or newer
    (https://kubernetes.io/releases/version-skew-policy/#kubectl).
    """
    kubectl = shutil.which("kubectl", path=_path_without_ours())
    if kubectl is None or parts.named("kubectl").built:
        return None
    try:
        shown = run([kubectl, "version", "--client"], limit_seconds=_KUBECTL_LIMIT_SECONDS).stdout
    except (ToolError, OSError):
        return None
    version = re.search(r"v1\.(\d+)\.", shown)
    ours = int(parts.KUBERNETES_VERSION.split(".")[1])
    return Path(kubectl) if version and abs(int(version[1]) - ours) <= 1 else None


def engine_parts() -> tuple[parts.Part, ...]:
    """Return the parts of Pulumi that are needed: none if the user has Pulumi."""
    return () if users_pulumi() else parts.ENGINE


def cluster_parts() -> tuple[parts.Part, ...]:
    """Return the parts of the local Kubernetes that are needed: without kubectl if the user's is used."""
    return tuple(part for part in parts.CLUSTER if part.name != "kubectl" or not users_kubectl())


def for_pulumi_in(home: Path) -> dict[str, str]:
    """Return the variables with which `pulumi` is the one in that PULUMI_HOME; the rest of the PATH stays."""
    path = os.pathsep.join((str(home / "bin"), _path_without_ours()))
    return OFFLINE | {"PULUMI_HOME": str(home), "PATH": path}


def _path_without_ours() -> str:
    root = cache.root()
    entries = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if not Path(entry).is_relative_to(root))
