"""The Kubernetes objects in every cluster: DNS, a NetworkPolicy enforcer, an ingress controller, and RBAC for them.

`provisioner` is only for tests.
"""

import json
import re
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from tools.devcluster.gateway import INGRESS_NODE
from tools.devcluster.images import COREDNS, INGRESS, NETWORK_POLICIES, PROVISIONER
from tools.devcluster.network import POLICY_QUEUE
from tools.devcluster.plan import CLUSTER_DOMAIN

Manifest = dict[str, Any]

INGRESS_NAMESPACE = "ingress"
INGRESS_CLASS = "devcluster"
STORAGE_CLASS = "standard"

# The folder of the provisioner's volumes on every node. Its files are in the cluster's state folder.
DYNAMIC_VOLUMES = "/mnt/disks/dynamic"

_CLAIMS = "devcluster-node-claims"

# Answer names outside the cluster with NXDOMAIN at once, instead of a timeout. This needs a separate server block,
# because CoreDNS runs `template` before `kubernetes`, regardless of their order in the file.
_NO_SUCH_NAME = ".:53 {\n    template ANY ANY {\n        rcode NXDOMAIN\n    }\n}\n"


def in_order(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return the manifests with workloads last: a pod is rejected until its ServiceAccount exists."""
    return sorted(manifests, key=lambda manifest: manifest["kind"] in ("DaemonSet", "Deployment"))


def access() -> list[Manifest]:
    """Return the RBAC bindings that later phases of `kubeadm init` would create, and one for the kubelets."""
    return [
        # Kubelets may read all claims. The Node authorizer allows only those of pods that it knows, and it may learn of
        # a pod later than the kubelet, which asks again only after 10 to 15 s (workerBackOffPeriod in kubelet.go).
        _cluster_role(_CLAIMS, [{"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get"]}]),
        _cluster_role_binding(_CLAIMS, _CLAIMS, "Group", "system:nodes"),
        _cluster_role_binding("devcluster-admins", "cluster-admin", "Group", "kubeadm:cluster-admins"),
        _cluster_role_binding(
            "devcluster-kubelet-api", "system:kubelet-api-admin", "User", "kube-apiserver-kubelet-client"
        ),
    ]


def dns(kubeadm_manifest: Iterable[Manifest], nodes: int) -> list[Manifest]:
    """Return kubeadm's CoreDNS with the toolchain's image, on two nodes if there are two."""
    manifests = deepcopy(list(kubeadm_manifest))
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap":
            manifest["data"]["Corefile"] = without_upstream(manifest["data"]["Corefile"])
        if manifest["kind"] == "Deployment":
            manifest["spec"]["replicas"] = min(nodes, 2)
            pod = manifest["spec"]["template"]["spec"]
            # Kubeadm only prefers different nodes, so both pods could run on the first Ready node.
            affinity = pod["affinity"]["podAntiAffinity"]
            (preferred,) = affinity.pop("preferredDuringSchedulingIgnoredDuringExecution")
            affinity["requiredDuringSchedulingIgnoredDuringExecution"] = [preferred["podAffinityTerm"]]
            (container,) = pod["containers"]
            container["image"] = COREDNS.reference
            container["readinessProbe"]["periodSeconds"] = 1
    return manifests


def without_upstream(corefile: str) -> str:
    """Return the Corefile without an upstream server: names outside the cluster do not exist."""
    zones = " ".join(f"{zone}:53" for zone in (CLUSTER_DOMAIN, "in-addr.arpa", "ip6.arpa"))
    corefile = corefile.replace(".:53 {", f"{zones} {{", 1)
    corefile = re.sub(r" *fallthrough .*\n", "", corefile)
    corefile = re.sub(r" *forward [^}]*}\n", "", corefile)
    return corefile + _NO_SUCH_NAME


def network_policies() -> list[Manifest]:
    """Return the NetworkPolicy enforcer of each node. It decides about the packets in the node's queue (network.py)."""
    name, namespace = "kube-network-policies", "kube-system"
    rules = [
        {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list", "watch"]},
    ]
    node_name = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    pod = {
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "serviceAccountName": name,
        "tolerations": [{"operator": "Exists"}],
        "containers": [
            {
                "name": "enforcer",
                "image": NETWORK_POLICIES.reference,
                "args": ["--hostname-override=$(NODE_NAME)", f"--nfqueue-id={POLICY_QUEUE}"],
                "env": [node_name],
                "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
            }
        ],
    }
    return [
        *_identity(name, namespace, rules),
        _workload("DaemonSet", name, namespace, pod),
    ]


def ingress() -> list[Manifest]:
    """Return the ingress controller and its IngressClass, which is the default, on ports 80 and 443 of one node."""
    name, namespace = "ingress", INGRESS_NAMESPACE
    rules = [
        {"apiGroups": [""], "resources": ["services", "secrets"], "verbs": ["list", "watch"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["list", "watch"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["update"]},
    ]
    ports = [
        {"name": "http", "containerPort": 8000, "hostPort": 80},
        {"name": "https", "containerPort": 8443, "hostPort": 443},
    ]
    pod = {
        "serviceAccountName": name,
        "nodeSelector": {"kubernetes.io/hostname": INGRESS_NODE.name},
        "containers": [
            {
                "name": "controller",
                "image": INGRESS.reference,
                "args": [f"--class={INGRESS_CLASS}", "--address=localhost", "--http=:8000", "--https=:8443"],
                "ports": ports,
                # It listens after it has read all Ingresses.
                "readinessProbe": {"tcpSocket": {"port": "https"}, "periodSeconds": 1},
            }
        ],
    }
    ingress_class = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {
            "name": INGRESS_CLASS,
            "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"},
        },
        "spec": {"controller": "consul-cluster/devcluster"},
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        *_identity(name, namespace, rules),
        ingress_class,
        _workload("Deployment", name, namespace, pod),
    ]


def provisioner() -> list[Manifest]:
    """Return a dynamic provisioner of volumes, which are folders on the nodes, and its StorageClass.

    The objects are those of https://github.com/rancher/local-path-provisioner/blob/master/deploy/local-path-storage.yaml
    except that volumes have the type `local`, and a new one belongs to root. A pod can write to it only by its fsGroup,
    as to a network-attached volume. With `hostPath`, the kubelet would ignore the fsGroup.
    """
    name, namespace = "local-path-provisioner", "local-path-storage"
    read = ["get", "list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["nodes", "persistentvolumeclaims", "configmaps", "pods/log"], "verbs": read},
        {"apiGroups": [""], "resources": ["pods"], "verbs": [*read, "create", "delete"]},
        {
            "apiGroups": [""],
            "resources": ["persistentvolumes"],
            "verbs": [*read, "create", "update", "patch", "delete"],
        },
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": read},
    ]
    paths = [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [DYNAMIC_VOLUMES]}]
    # The pod that runs the scripts on the node of a volume.
    helper = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "helper-pod"},
        "spec": {"containers": [{"name": "helper-pod", "image": PROVISIONER.reference}]},
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {
            "config.json": json.dumps({"nodePathMap": paths}),
            "setup": 'mkdir -p "$VOL_DIR"\n',
            "teardown": 'rm -rf "$VOL_DIR"\n',
            "helperPod.yaml": json.dumps(helper),
        },
    }
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": {"defaultVolumeType": "local"}},
        "provisioner": "rancher.io/local-path",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
    }
    pod = {
        "serviceAccountName": name,
        "containers": [
            {
                "name": "provisioner",
                "image": PROVISIONER.reference,
                "args": [
                    f"--namespace={namespace}",
                    f"--service-account-name={name}",
                    f"--configmap-name={name}",
                ],
            }
        ],
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        *_identity(name, namespace, rules),
        config,
        storage_class,
        _workload("Deployment", name, namespace, pod),
    ]


def _identity(name: str, namespace: str, rules: list[Manifest]) -> list[Manifest]:
    """Return a ServiceAccount with cluster-wide RBAC rules."""
    rbac = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}},
        _cluster_role(name, rules),
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    ]


def _cluster_role(name: str, rules: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }


def _cluster_role_binding(name: str, role: str, subject_kind: str, subject: str) -> Manifest:
    rbac = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": subject_kind, "apiGroup": rbac, "name": subject}],
    }


def _workload(kind: str, name: str, namespace: str, pod: Manifest) -> Manifest:
    labels = {"app.kubernetes.io/name": name}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
