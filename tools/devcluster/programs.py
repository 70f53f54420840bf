"""The programs a cluster is made of: from the toolchain, but for a few that every Linux has."""

import os
import shutil
from pathlib import Path

from tools import toolchain
from tools.devcluster.errors import DevclusterError

_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_TOOLCHAIN_PROGRAMS = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeadm", "kubectl", "socat"),
    *("containerd", "ctr", "runc", "iptables", "kubelet", "kube-proxy"),
    *("busybox", "coredns", "kube-network-policies", "traefik"),
)
_SYSTEM_PROGRAMS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
}


def binary(name: str) -> Path:
    """Where a program of the toolchain is."""
    return toolchain.binary(name)


def cni_plugins() -> Path:
    """The folder of the programs that connect pods to the network."""
    return toolchain.cni_plugin_dir()


def check_toolchain() -> None:
    """Raise ToolchainError unless every program is built."""
    for name in _TOOLCHAIN_PROGRAMS:
        binary(name)


def environment() -> dict[str, str]:
    """What the machines' processes start with: nothing of the caller's environment reaches them."""
    helpers = binary("runc").parent  # which also holds what is found by name: iptables, conntrack, containerd's shim
    return {"PATH": os.pathsep.join([str(helpers), *_SYSTEM_FOLDERS]), "HOME": "/root"}


def check_host() -> None:
    """Raise DevclusterError unless this user and this machine can have machines of a cluster."""
    if os.geteuid() != 0:
        raise DevclusterError("making namespaces and mounts needs root: run devcluster as root, e.g. with sudo")
    path = os.pathsep.join(_SYSTEM_FOLDERS)
    missing = {package for program, package in _SYSTEM_PROGRAMS.items() if not shutil.which(program, path=path)}
    if missing:
        raise DevclusterError(f"programs are missing: install the packages {', '.join(sorted(missing))}")
