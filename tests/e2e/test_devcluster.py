"""The local Kubernetes: what it provides for programs, what its faults do, and that it leaves nothing behind."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools import toolchain
from tools.devcluster import faults
from tools.devcluster.cluster import Cluster
from tools.devcluster.errors import DevclusterError
from tools.devcluster.fleet import cluster_cgroup
from tools.devcluster.waiting import wait_for
from tools.toolchain import images

IMAGE = "devcluster-test/busybox:1"
NODES = ("node-1", "node-2", "node-3")
PORT = 8080


def host() -> dict[str, str]:
    """Return the state of this machine that a local Kubernetes could change."""

    def output(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    kernel = ("vm/overcommit_memory", "kernel/panic", "net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max")
    return {
        "mounts": Path("/proc/self/mounts").read_text(),
        "interfaces": json.dumps([link["ifname"] for link in json.loads(output("ip", "-json", "link"))]),
        "routes": output("ip", "route"),
        "iptables": output(str(toolchain.binary("iptables-save"))),
        **{name: (Path("/proc/sys") / name).read_text() for name in kernel},
    }


# This test is the first, so that it runs while the cluster of the tests below does not exist yet.
def test_up_completes_an_interrupted_up_and_down_removes_a_broken_cluster(tmp_path: Path) -> None:
    before = host()
    broken = Cluster(name="interrupted", state=tmp_path)
    command = [sys.executable, "-c", "from tools.devcluster.cli import app; app()"]
    up = subprocess.Popen([*command, "--name=interrupted", f"--state={tmp_path}", "up", "--nodes=1"])
    group = cluster_cgroup(broken.files)
    try:
        wait_for("the first processes", lambda: None if len(group.all_processes()) > 8 else "few", limit=30)
        up.kill()
        up.wait()
        broken.up()
        assert broken.missing() is None
        folder = str(broken.files.folder)
        # Kill the machines without any cleanup.
        for machine, _ in broken.fleet.everything():
            assert machine.holder
            subprocess.run(["kill", f"-{signal.SIGKILL}", str(machine.holder)], check=True)
    finally:
        up.kill()
        broken.down()

    assert not group.exists
    assert not broken.files.folder.exists()
    assert folder not in Path("/proc/net/unix").read_text()
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if folder.encode() in command]
    assert host() == before


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an image archive with a web server and a client."""
    path = tmp_path_factory.mktemp("image") / "busybox.tar"
    files = [
        images.file("/bin/busybox", toolchain.binary("busybox")),
        images.file("/www/index.html", b"hello\n", mode=0o644),
    ]
    images.write_archive(path, IMAGE, files, entrypoint=["/bin/busybox"])
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, archive: Path) -> Iterator[Cluster]:
    """Yield a cluster with a web server on every node."""
    cluster = Cluster(name="selftest", state=tmp_path_factory.mktemp("devcluster"))
    try:
        cluster.up(len(NODES))
        cluster.load_image(archive)
        cluster.kubectl.apply([*(pod(node) for node in NODES), service()])
        await_pods(cluster)
        yield cluster
    finally:
        cluster.down()


def pod(node: str, **extra: Any) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "web",
        "image": IMAGE,
        "args": ["httpd", "-f", "-h", "/www", "-p", str(PORT)],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": node, "namespace": "default", "labels": {"app": "web", "node": node}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container]} | extra,
    }


def service() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": PORT}]},
    }


def await_pods(cluster: Cluster, *names: str) -> None:
    cluster.kubectl.run(
        "wait", "--for=condition=Ready", "--timeout=60s", *(f"pod/{name}" for name in names or NODES), limit=70
    )


def run_in(cluster: Cluster, name: str, *command: str) -> str:
    return cluster.kubectl.run("exec", name, "--", "/bin/busybox", *command)


def address(cluster: Cluster, name: str) -> str:
    return cluster.kubectl.get("pod", name)["status"]["podIP"]


def reaches(cluster: Cluster, client: str, host: str) -> bool:
    try:
        return run_in(cluster, client, "timeout", "2", "/bin/busybox", "wget", "-qO-", f"http://{host}") == "hello\n"
    except DevclusterError:
        return False


def await_reach(cluster: Cluster, client: str, host: str, *, expected: bool = True, limit: float = 30) -> None:
    def missing() -> str | None:
        return None if reaches(cluster, client, host) == expected else f"it is {not expected}"

    wait_for(f"'{client} reaches {host}' to be {expected}", missing, limit)


def test_all_nodes_are_ready(own: Cluster) -> None:
    nodes = own.kubectl.get("nodes")["items"]
    assert sorted(node["metadata"]["labels"]["kubernetes.io/hostname"] for node in nodes) == list(NODES)
    assert own.missing() is None


def test_a_second_up_changes_nothing_and_is_quick(own: Cluster) -> None:
    before = own_processes(own)
    started = time.monotonic()
    own.up()
    assert time.monotonic() - started < 5
    assert own_processes(own) == before


def own_processes(cluster: Cluster) -> dict[str, int | None]:
    return {
        f"{machine.name}/{part.name}": machine.process(part)
        for machine, parts in cluster.fleet.everything()
        for part in parts
    }


def test_another_number_of_nodes_is_refused(own: Cluster) -> None:
    with pytest.raises(DevclusterError, match=r"has 3 nodes, not 5.*down"):
        own.up(5)


@pytest.mark.parametrize("server", NODES)
def test_pods_reach_pods_of_all_nodes(own: Cluster, server: str) -> None:
    assert reaches(own, "node-1", f"{address(own, server)}:{PORT}")


def test_services_are_reached_by_name(own: Cluster) -> None:
    assert reaches(own, "node-2", "web.default.svc.cluster.local")


def test_a_name_that_was_looked_up_too_early_resolves_once_it_exists(own: Cluster) -> None:
    early = {**service(), "metadata": {"name": "early", "namespace": "default"}}
    assert not reaches(own, "node-1", "early")
    own.kubectl.apply([early])
    await_reach(own, "node-1", "early", limit=4)


def test_names_outside_the_cluster_fail_quickly(own: Cluster) -> None:
    started = time.monotonic()
    assert not reaches(own, "node-1", "example.com")
    assert time.monotonic() - started < 2


def test_network_policies_deny_and_allow(own: Cluster) -> None:
    def policy(*allowed: str) -> dict[str, Any]:
        sources = [{"podSelector": {"matchLabels": {"node": node}}} for node in allowed]
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {
                "podSelector": {"matchLabels": {"node": "node-3"}},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": sources}] if sources else [],
            },
        }

    server = f"{address(own, 'node-3')}:{PORT}"
    try:
        own.kubectl.apply([policy()])
        await_reach(own, "node-1", server, expected=False)
        own.kubectl.apply([policy("node-1")])
        await_reach(own, "node-1", server)
        assert not reaches(own, "node-2", server)
    finally:
        own.kubectl.run("delete", "networkpolicy", "web")
    await_reach(own, "node-2", server)


def test_the_ingress_controller_serves_on_the_loopback(own: Cluster) -> None:
    def path(path: str, kind: str, service: str) -> dict[str, object]:
        return {"path": path, "pathType": kind, "backend": {"service": {"name": service, "port": {"number": 80}}}}

    paths = [path("/", "Prefix", "web"), path("/nobody", "Exact", "nobody"), path("/none", "Prefix", "nobody")]
    rule = {"host": "web.localhost", "http": {"paths": paths}}
    own.kubectl.apply(
        [
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"rules": [rule]},
            }
        ]
    )

    def get(path: str, host: str = "web.localhost") -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{own.http_port}{path}", headers={"Host": host})

    def missing() -> str | None:
        response = get("/")
        status = own.kubectl.get("ingress", "web")["status"]["loadBalancer"]
        return None if response.text == "hello\n" and status else f"{response.status_code}, {status}"

    wait_for("the ingress", missing, limit=20)
    # The Service `nobody` does not exist.
    unavailable = [
        each
        for each in ("/", "/nobody", "/nobody/else", "/none", "/none/at/all", "/nonetheless")
        if get(each).status_code == int(httpx.codes.BAD_GATEWAY)
    ]
    assert unavailable == ["/nobody", "/none", "/none/at/all"]
    assert get("/", "other.localhost").status_code == httpx.codes.NOT_FOUND
    # No Ingress has a certificate for this host.
    with pytest.raises(httpx.ConnectError, match="SSL"):
        httpx.get(f"https://127.0.0.1:{own.https_port}/", verify=False)  # noqa: S501


def test_local_volumes_belong_to_the_pods_group(own: Cluster) -> None:
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "local"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "claimRef": {"name": "local", "namespace": "default"},
            "local": {"path": "/mnt/disks/local"},
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-2"]}
                            ]
                        }
                    ]
                }
            },
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "local", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "volumeName": "local",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    writer = pod(
        "node-2",
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "local"}}],
        securityContext={"runAsUser": 100, "runAsGroup": 1000, "fsGroup": 1000},
    )
    writer["metadata"] |= {"name": "writer", "labels": {}}
    del writer["spec"]["nodeName"]  # the volume's node affinity chooses the node
    writer["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    own.kubectl.apply([volume, claim, writer])
    await_pods(own, "writer")
    run_in(own, "writer", "touch", "/data/mine")
    assert (own.fleet.state.machine("node-2") / "mnt/disks/local/mine").stat().st_uid == 100


def test_an_image_is_loaded_once(own: Cluster, archive: Path) -> None:
    started = time.monotonic()
    own.load_image(archive)
    assert time.monotonic() - started < 2


def test_an_invalid_image_archive_is_refused(own: Cluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no archive")
    with pytest.raises(DevclusterError, match="docker save"):
        own.load_image(tmp_path / "file")


def test_a_killed_container_is_started_again(own: Cluster) -> None:
    def restarts() -> int:
        return own.kubectl.get("pod", "node-1")["status"]["containerStatuses"][0]["restartCount"]

    before = restarts()
    faults.kill(own, "default", "node-1")
    wait_for("the restart", lambda: None if restarts() > before else "none yet", limit=30)
    await_pods(own, "node-1")


def test_a_frozen_container_answers_only_after_the_thaw(own: Cluster) -> None:
    server = f"{address(own, 'node-3')}:{PORT}"
    faults.freeze(own, "default", "node-3")
    try:
        assert not reaches(own, "node-2", server)
    finally:
        faults.thaw(own, "default", "node-3")
    await_reach(own, "node-2", server, limit=5)


def test_a_node_is_cut_off_and_healed(own: Cluster) -> None:
    server = f"{address(own, 'node-3')}:{PORT}"
    faults.cut(own, "node-3")
    try:
        assert not reaches(own, "node-2", server)
    finally:
        faults.heal(own, "node-3")
    await_reach(own, "node-2", server, limit=10)


def test_a_node_loses_the_given_share_of_packets(own: Cluster) -> None:
    server = f"{address(own, 'node-3')}:{PORT}"
    faults.lose_packets(own, "node-3", 1)
    assert not reaches(own, "node-2", server)
    faults.lose_packets(own, "node-3", 0.1)
    await_reach(own, "node-2", server)
    faults.heal(own, "node-3")
    assert reaches(own, "node-2", server)


def test_faults_name_missing_nodes_and_containers(own: Cluster) -> None:
    with pytest.raises(DevclusterError, match=r"no node 'node-9'.*node-1, node-2, node-3"):
        faults.cut(own, "node-9")
    with pytest.raises(DevclusterError, match=r"no container 'other'.*web"):
        faults.kill(own, "default", "node-1", "other")


def test_up_brings_back_killed_parts_and_machines(own: Cluster) -> None:
    faults.kill_part(own, "node-1", "kubelet")
    faults.kill_part(own, "node-1", "containerd")
    faults.kill_part(own, "control-plane", "etcd")
    faults.power_off(own, "node-2")
    faults.cut(own, "node-3")
    assert own.missing()
    own.up()
    assert own.missing() is None
    await_pods(own)
    await_reach(own, "node-1", f"{address(own, 'node-2')}:{PORT}")
