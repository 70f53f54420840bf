"""The real Pulumi, Kubernetes and Consul, built from source into a cache, for machines that cannot download them.

Other packages get paths from here; `toolchain build` builds the parts.
"""

from __future__ import annotations

from pathlib import Path

from tools.toolchain import environment, parts
from tools.toolchain.environment import cluster_parts, engine_parts, users_kubectl, users_pulumi
from tools.toolchain.errors import NotBuiltError, ToolchainError
from tools.toolchain.parts import CONSUL_IMAGE

__all__ = [
    "CONSUL_IMAGE",
    "NotBuiltError",
    "ToolchainError",
    "binary",
    "cluster_parts",
    "cni_plugin_dir",
    "consul_image",
    "engine_parts",
    "kubernetes_schemas",
    "pulumi_environment",
    "python_packages",
    "users_kubectl",
    "users_pulumi",
]


def _folder(part: parts.Part) -> Path:
    if not part.built:
        raise NotBuiltError(f"The toolchain's part {part.name!r} is not built: run `toolchain build {part.name}`.")
    return part.folder


def binary(name: str) -> Path:
    """Return the path of a program, such as `kubelet`. Raise NotBuiltError if it is not built yet."""
    if name in ("pulumi", "pulumi-language-python") and (own := users_pulumi()):
        return own.with_name(name)
    if name == "kubectl" and (own := users_kubectl()):
        return own
    return _folder(parts.maker(name)) / "bin" / name


def cni_plugin_dir() -> Path:
    """Return the folder of the CNI plugins (bridge, host-local, portmap, ...)."""
    return _folder(parts.named("debian")) / "root" / "usr" / "lib" / "cni"


def consul_image() -> Path:
    """Return the archive of the image CONSUL_IMAGE, for `ctr images import`."""
    return _folder(parts.named("consul-image")) / "consul.tar"


def kubernetes_schemas() -> Path:
    """Return the folder of Kubernetes' JSON schemas, one a kind: `{{.ResourceKind}}{{.KindSuffix}}.json`."""
    return _folder(parts.named("kubernetes-schemas"))


def python_packages(name: str) -> Path:
    """Return the folder of a part's Python packages, to be put on PYTHONPATH."""
    return _folder(parts.named(name))


def pulumi_environment() -> dict[str, str]:
    """Return the variables with which `pulumi` is the toolchain's; empty if the user has a Pulumi."""
    if users_pulumi():
        return {}
    return environment.for_pulumi_in(_folder(parts.named("pulumi-home")))
