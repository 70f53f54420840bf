"""The parts of the control plane."""

from collections.abc import Callable
from pathlib import Path

from tools.devcluster.machine import Part
from tools.devcluster.plan import API_PORT, CONTROL_PLANE, PODS, SERVICES
from tools.devcluster.state import State

NAME = "control-plane"

_ETCD = "http://127.0.0.1:2379"
_NODE_GRACE_PERIOD = "20s"


def _flags(**values: str | int | Path) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


def etcd(binary: Callable[[str], Path], state: State) -> Part:
    """Return etcd, which is reachable in the control plane only."""
    flags = _flags(
        data_dir=state.etcd,
        listen_client_urls=_ETCD,
        advertise_client_urls=_ETCD,
        listen_peer_urls="http://127.0.0.1:2380",
    )
    return Part("etcd", [str(binary("etcd")), *flags])


def kube_apiserver(binary: Callable[[str], Path], state: State, feature_gates: str) -> Part:
    """Return the API server, on the cluster's network."""
    pki = state.pki
    flags = _flags(
        advertise_address=str(CONTROL_PLANE),
        bind_address=str(CONTROL_PLANE),
        secure_port=API_PORT,
        etcd_servers=_ETCD,
        service_cluster_ip_range=str(SERVICES),
        authorization_mode="Node,RBAC",
        enable_admission_plugins="NodeRestriction",
        client_ca_file=pki / "ca.crt",
        tls_cert_file=pki / "apiserver.crt",
        tls_private_key_file=pki / "apiserver.key",
        kubelet_client_certificate=pki / "apiserver-kubelet-client.crt",
        kubelet_client_key=pki / "apiserver-kubelet-client.key",
        kubelet_preferred_address_types="InternalIP",
        service_account_issuer="https://kubernetes.default.svc.cluster.local",
        service_account_key_file=pki / "sa.pub",
        service_account_signing_key_file=pki / "sa.key",
        requestheader_client_ca_file=pki / "front-proxy-ca.crt",
        requestheader_allowed_names="front-proxy-client",
        requestheader_extra_headers_prefix="X-Remote-Extra-",
        requestheader_group_headers="X-Remote-Group",
        requestheader_username_headers="X-Remote-User",
        proxy_client_cert_file=pki / "front-proxy-client.crt",
        proxy_client_key_file=pki / "front-proxy-client.key",
        # Evict the pods of an unreachable node after 30 s, instead of 5 minutes.
        default_not_ready_toleration_seconds=30,
        default_unreachable_toleration_seconds=30,
        feature_gates=feature_gates,
    )
    return Part("kube-apiserver", [str(binary("kube-apiserver")), *flags])


def kube_controller_manager(binary: Callable[[str], Path], state: State, feature_gates: str) -> Part:
    """Return the controller manager."""
    kubeconfig = state.kubeconfigs / "controller-manager.conf"
    flags = _flags(
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        cluster_cidr=str(PODS),
        cluster_signing_cert_file=state.pki / "ca.crt",
        cluster_signing_key_file=state.pki / "ca.key",
        root_ca_file=state.pki / "ca.crt",
        service_account_private_key_file=state.pki / "sa.key",
        use_service_account_credentials="true",
        flex_volume_plugin_dir="/run/flexvolumes",  # the default folder is in the host's /usr
        leader_elect="false",
        # A claim that was created before its volume is checked again after this time.
        pvclaimbinder_sync_period="1s",
        node_monitor_period="2s",
        node_monitor_grace_period=_NODE_GRACE_PERIOD,
        kube_api_qps=200,
        kube_api_burst=400,
        feature_gates=feature_gates,
    )
    return Part("kube-controller-manager", [str(binary("kube-controller-manager")), *flags])


def kube_scheduler(binary: Callable[[str], Path], state: State) -> Part:
    """Return the scheduler."""
    kubeconfig = state.kubeconfigs / "scheduler.conf"
    flags = _flags(
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        leader_elect="false",
        kube_api_qps=200,
        kube_api_burst=400,
    )
    return Part("kube-scheduler", [str(binary("kube-scheduler")), *flags])
