"""The programs of a cluster: from the toolchain, except a few that every Linux distribution has."""

import os
import shutil
from pathlib import Path

from tools import toolchain
from tools.devcluster.errors import DevclusterError

_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_TOOLCHAIN_PROGRAMS = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeadm", "kubectl", "socat"),
    *("containerd", "ctr", "runc", "iptables", "kubelet", "kube-proxy"),
    *("busybox", "coredns", "kube-network-policies", "ingress"),
)
_SYSTEM_PROGRAMS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
}


def binary(name: str) -> Path:
    """Return the path of a program of the toolchain."""
    return toolchain.binary(name)


def cni_plugins() -> Path:
    """Return the folder of the CNI plugins."""
    return toolchain.cni_plugin_dir()


def check_toolchain() -> None:
    """Raise ToolchainError unless every program is built."""
    for name in _TOOLCHAIN_PROGRAMS:
        binary(name)


def environment() -> dict[str, str]:
    """Return the environment of the machines' processes, which has nothing of the caller's environment."""
    helpers = binary("runc").parent  # the same folder has iptables, conntrack and containerd's shim
    return {"PATH": os.pathsep.join([str(helpers), *_SYSTEM_FOLDERS]), "HOME": "/root"}


def check_host() -> None:
    """Raise DevclusterError if this user is not root, or a program is missing."""
    if os.geteuid() != 0:
        raise DevclusterError("Namespaces and mounts need root: run devcluster as root, for example with sudo")
    path = os.pathsep.join(_SYSTEM_FOLDERS)
    missing = {package for program, package in _SYSTEM_PROGRAMS.items() if not shutil.which(program, path=path)}
    if missing:
        raise DevclusterError(f"Programs are missing: install the packages {', '.join(sorted(missing))}")
