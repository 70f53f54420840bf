"""Certificates and kubeconfigs, created by kubeadm."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tools.commands import run
from tools.devcluster.errors import DevclusterError
from tools.devcluster.plan import API_PORT, CLUSTER_DOMAIN, CONTROL_PLANE, PODS, SERVICES, Node
from tools.devcluster.state import State

_LIMIT_SECONDS = 60


def kubeadm_config(state: State, version: str) -> list[dict[str, Any]]:
    """Return the documents of kubeadm's configuration file."""
    api = "kubeadm.k8s.io/v1beta4"
    return [
        {
            "apiVersion": api,
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": str(CONTROL_PLANE), "bindPort": API_PORT},
            "nodeRegistration": {"name": "control-plane", "criSocket": "unix:///run/containerd/containerd.sock"},
        },
        {
            "apiVersion": api,
            "kind": "ClusterConfiguration",
            "clusterName": state.folder.name,
            "kubernetesVersion": version,
            "certificatesDir": str(state.pki),
            # ECDSA keys are created at once; RSA keys would take seconds.
            "encryptionAlgorithm": "ECDSA-P256",
            "apiServer": {"certSANs": ["localhost", "127.0.0.1"]},
            "networking": {
                "podSubnet": str(PODS),
                "serviceSubnet": str(SERVICES),
                "dnsDomain": CLUSTER_DOMAIN,
            },
        },
    ]


class Kubeadm:
    """kubeadm with the cluster's configuration."""

    def __init__(self, program: Path, state: State) -> None:
        """Write the configuration file. Use the kubeadm at the path `program`."""
        self._program = program
        self._state = state
        self._config = state.folder / "kubeadm.yaml"
        version = self._run("version", "--output", "short").strip()
        self._config.write_text(yaml.safe_dump_all(kubeadm_config(state, version)))

    def make_pki(self, nodes: Sequence[Node]) -> None:
        """Create the certificates, and the kubeconfigs of the parts and the administrator, if they do not exist."""
        if self._state.kubeconfig.exists():
            return
        self._init_phase("certs", "all")
        self._init_phase("kubeconfig", "all", "--kubeconfig-dir", str(self._state.kubeconfigs))
        self._user_kubeconfig("kube-proxy", "system:kube-proxy")
        for node in nodes:
            self._user_kubeconfig(node.name, f"system:node:{node.name}", "system:nodes")

    def coredns_manifest(self) -> list[dict[str, Any]]:
        """Return the objects of kubeadm's CoreDNS addon."""
        printed = self._init_phase("addon", "coredns", "--print-manifest")
        return [document for document in yaml.safe_load_all(printed) if document]

    def _init_phase(self, *arguments: str) -> str:
        return self._run("init", "phase", *arguments, "--config", str(self._config))

    def _user_kubeconfig(self, file: str, user: str, group: str | None = None) -> None:
        belonging = ["--org", group] if group else []
        text = self._run("kubeconfig", "user", "--client-name", user, *belonging, "--config", str(self._config))
        (self._state.kubeconfigs / f"{file}.conf").write_text(text)

    def _run(self, *arguments: str) -> str:
        what = f"kubeadm {' '.join(arguments)}"
        return run([self._program, *arguments], error=DevclusterError, what=what, limit_seconds=_LIMIT_SECONDS).stdout


def write_admin_kubeconfig(state: State, api_port: int) -> None:
    """Write the kubeconfig for use on this machine, with the API server's loopback port."""
    made: Mapping[str, Any] = yaml.safe_load((state.kubeconfigs / "super-admin.conf").read_text())
    name = f"devcluster-{state.folder.name}"
    cluster = {**made["clusters"][0]["cluster"], "server": f"https://127.0.0.1:{api_port}"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": made["users"][0]["user"]}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    draft = state.kubeconfig.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(yaml.safe_dump(config))
    draft.replace(state.kubeconfig)
