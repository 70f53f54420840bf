"""The configuration of the parts and of the addons."""

import json
import tomllib
from pathlib import Path

from tools.devcluster import addons
from tools.devcluster.cgroups import Cgroup
from tools.devcluster.images import PROVISIONER
from tools.devcluster.node import containerd_config, kube_proxy_config, kubelet_config, pod_network
from tools.devcluster.pki import kubeadm_config
from tools.devcluster.plan import Node
from tools.devcluster.state import OVERLAID, State

STATE = State(Path("/home/me/state/dev"))

COREFILE = """\
.:53 {
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
}
"""


def test_containerd_finds_the_plugins_and_networks_of_its_node() -> None:
    config = tomllib.loads(containerd_config(Path("/etc/node"), Path("/usr/lib/cni")))
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["cni"] == {"bin_dir": "/usr/lib/cni", "conf_dir": "/etc/node/net.d"}
    assert cri["restrict_oom_score_adj"]


def test_pods_get_addresses_of_their_node() -> None:
    first, *_ = pod_network(Node(2))["plugins"]
    assert first["ipam"]["ranges"] == [[{"subnet": "10.244.2.0/24"}]]


def test_kubelet_puts_pods_into_the_cgroup_of_its_node() -> None:
    config = kubelet_config(STATE, Path("/etc/node"), Cgroup("devcluster/dev/node-1/pods"))
    assert config["cgroupRoot"] == "/devcluster/dev/node-1/pods"


def test_nodes_report_their_ephemeral_storage() -> None:
    # Otherwise no pod that requests ephemeral storage is scheduled.
    config = kubelet_config(STATE, Path("/etc/node"), Cgroup("devcluster/dev/node-1/pods"))
    assert config.get("localStorageCapacityIsolation", True)


def test_kube_proxy_does_not_change_the_kernels_connection_limit() -> None:
    assert kube_proxy_config(STATE, Node(1))["conntrack"] == {"maxPerCore": 0, "min": 0}


def test_the_api_servers_certificate_is_valid_for_the_loopback() -> None:
    _, cluster = kubeadm_config(STATE, "v1.35.4")
    assert "127.0.0.1" in cluster["apiServer"]["certSANs"]


def test_names_outside_the_cluster_do_not_exist() -> None:
    cluster, others = addons.without_upstream(COREFILE).split("\n.:53 {")
    assert cluster.startswith("cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {")
    assert "forward" not in cluster
    assert "fallthrough" not in cluster
    assert cluster.count("{") == cluster.count("}")
    assert "rcode NXDOMAIN" in others


def test_answers_about_the_cluster_are_not_cached() -> None:
    assert "disable denial cluster.local" in addons.without_upstream(COREFILE)


def test_the_provisioner_writes_only_to_the_disks_of_the_nodes() -> None:
    (config,) = [manifest["data"] for manifest in addons.provisioner() if manifest["kind"] == "ConfigMap"]
    (entry,) = json.loads(config["config.json"])["nodePathMap"]
    (path,) = entry["paths"]
    assert any(Path(path).is_relative_to(place) for place in OVERLAID)


def test_the_provisioners_scripts_use_only_commands_of_its_image() -> None:
    (config,) = [manifest["data"] for manifest in addons.provisioner() if manifest["kind"] == "ConfigMap"]
    assert {config[script].split()[0] for script in ("setup", "teardown")} < set(PROVISIONER.applets)
