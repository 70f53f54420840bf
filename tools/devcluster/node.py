"""The parts of a worker, and their configuration."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tools.devcluster.cgroups import Cgroup
from tools.devcluster.images import PAUSE
from tools.devcluster.machine import Part
from tools.devcluster.plan import CLUSTER_DOMAIN, DNS_SERVICE, PODS, Node
from tools.devcluster.state import State

_CONTAINERD = "/run/containerd/containerd.sock"

# An empty folder on every node for PersistentVolumes of type `local`. Its files are in the cluster's state folder.
LOCAL_DISK = Path("/mnt/disks/local")

# TOML as text: the standard library cannot write TOML.
_CONTAINERD_CONFIG = """\
version = 2
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # The kernel may not allow lower OOM scores, even for pods that request them.
  restrict_oom_score_adj = true
  disable_tcp_service = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{networks}"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def containerd_config(config: Path, cni_plugins: Path) -> str:
    """Return containerd's configuration file. The pods' networks are in `config`/net.d."""
    return _CONTAINERD_CONFIG.format(
        socket=_CONTAINERD, pause=PAUSE.reference, plugins=cni_plugins, networks=config / "net.d"
    )


def pod_network(node: Node) -> dict[str, Any]:
    """Return the CNI configuration. Each pod has its own veth pair, so traffic within a node is routed too."""
    addresses = {
        "type": "host-local",
        # In memory: the addresses are released when the machine stops, like its pods.
        "dataDir": "/run/cni",
        "ranges": [[{"subnet": str(node.pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def kubelet_config(state: State, config: Path, pods: Cgroup) -> dict[str, Any]:
    """Return kubelet's configuration: short intervals, and no eviction because of the disk that all nodes share."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(state.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [str(DNS_SERVICE)],
        "clusterDomain": CLUSTER_DOMAIN,
        "containerRuntimeEndpoint": f"unix://{_CONTAINERD}",
        "resolvConf": str(config / "resolv.conf"),
        "volumePluginDir": "/var/lib/kubelet/volumeplugins",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{pods.path}",
        "failCgroupV1": False,
        "enforceNodeAllocatable": [],
        "oomScoreAdj": 0,
        "failSwapOn": False,
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "4s",
        "nodeLeaseDurationSeconds": 10,
        # An addon that starts before it reaches the API server would otherwise wait minutes before its restart.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "10s"},
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "eventRecordQPS": 0,
        # Images are imported; a deleted one could not be pulled again.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "50Mi"},
    }


def kube_proxy_config(state: State, node: Node) -> dict[str, Any]:
    """Return kube-proxy's configuration. It changes no kernel setting that the host shares."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": node.name,
        "bindAddress": str(node.address),
        "clusterCIDR": str(PODS),
        "clientConnection": {"kubeconfig": str(state.kubeconfigs / "kube-proxy.conf"), "qps": 100, "burst": 200},
        "conntrack": {"maxPerCore": 0, "min": 0},
        "iptables": {"minSyncPeriod": "100ms"},
        "oomScoreAdj": 0,
    }


def config_folder(state: State, node: Node) -> Path:
    """Return the folder of the node's configuration files."""
    return state.machine(node.name) / "etc"


def prepare_disk(state: State, node: Node, pods: Cgroup, cni_plugins: Path) -> None:
    """Write the node's configuration files, and create its folder for local volumes."""
    config = config_folder(state, node)
    (config / "net.d").mkdir(parents=True, exist_ok=True)
    texts = {
        "net.d/pods.conflist": json.dumps(pod_network(node), indent=2),
        "containerd.toml": containerd_config(config, cni_plugins),
        "resolv.conf": f"nameserver {DNS_SERVICE}\n",
        "kubelet.yaml": yaml.safe_dump(kubelet_config(state, config, pods)),
        "kube-proxy.yaml": yaml.safe_dump(kube_proxy_config(state, node)),
    }
    for name, text in texts.items():
        # Kube-proxy exits when its file is written, even with the same content.
        if not (config / name).exists() or (config / name).read_text() != text:
            (config / name).write_text(text)
    (state.machine(node.name) / LOCAL_DISK.relative_to("/")).mkdir(parents=True, exist_ok=True)


def containerd(binary: Callable[[str], Path], config: Path) -> Part:
    """Return the container runtime."""
    return Part("containerd", [str(binary("containerd")), f"--config={config / 'containerd.toml'}"])


def kubelet(binary: Callable[[str], Path], state: State, node: Node, config: Path) -> Part:
    """Return the kubelet."""
    flags = [
        f"--config={config / 'kubelet.yaml'}",
        f"--kubeconfig={state.kubeconfigs / f'{node.name}.conf'}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
    ]
    return Part("kubelet", [str(binary("kubelet")), *flags])


def kube_proxy(binary: Callable[[str], Path], config: Path) -> Part:
    """Return the kube-proxy."""
    return Part("kube-proxy", [str(binary("kube-proxy")), f"--config={config / 'kube-proxy.yaml'}"])
