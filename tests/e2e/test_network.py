"""NetworkPolicies: which callers can open which ports, and which cannot."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.support.consul import Consul
from tests.support.pods import IDLE, INSIDE, pod, running
from tests.support.settings import E2E_NAMESPACE
from tests.support.stack import Stack

RPC, SERF, HTTPS, GRPC, DNS = 8300, 8301, 8501, 8503, 8600

# The port of the pods outside the agents' namespace.
PORT = 8080

# By caller: the ports of a server and of a client that it may open.
ALLOWED: dict[str, dict[str, set[int]]] = {
    "a client namespace": {"consul-0": {DNS}, "consul-client-0": {HTTPS, GRPC, DNS}},
    "another namespace": {"consul-0": set(), "consul-client-0": set()},
    "a pod beside the agents": {"consul-0": set(), "consul-client-0": set()},
    "a Job": {"consul-0": {HTTPS}, "consul-client-0": set()},
    "a client": {"consul-0": {RPC, SERF}, "consul-client-0": {SERF}},
    "a server": {"consul-0": {RPC, SERF}, "consul-client-0": {SERF}},
}

# By caller: the pods outside the agents' namespace whose port it may open. No NetworkPolicy protects these pods, so the
# callers outside show that the port is open.
OUTSIDE = ["a client namespace", "another namespace"]
ALLOWED_OUTSIDE: dict[str, set[str]] = {
    "a client namespace": set(OUTSIDE),
    "another namespace": set(OUTSIDE),
    "a pod beside the agents": set(),
    "a Job": set(),
    "a client": {"a client namespace"},
    "a server": set(),
}


@pytest.fixture(scope="module")
def callers(stack: Stack) -> Iterator[dict[str, tuple[Consul, str]]]:
    """Yield a pod for each caller, with a Consul helper for its namespace."""
    inside = Consul(stack.kubeconfig, E2E_NAMESPACE)
    others = [Consul(stack.kubeconfig, "net-web"), Consul(stack.kubeconfig, "net-other")]
    for consul in others:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": consul.namespace}}
        consul.kubectl("apply", "--filename", "-", stdin=json.dumps(namespace))
    with (
        running(inside, pod("beside", IDLE), pod("job", IDLE, labels=INSIDE)),
        running(others[0], listener("caller")),
        running(others[1], listener("caller")),
    ):
        yield {
            "a client namespace": (others[0], "caller"),
            "another namespace": (others[1], "caller"),
            "a pod beside the agents": (inside, "beside"),
            "a Job": (inside, "job"),
            "a client": (inside, "consul-client-1"),
            "a server": (inside, "consul-1"),
        }
    for consul in others:
        consul.kubectl("delete", "namespace", consul.namespace)


def listener(name: str) -> dict[str, Any]:
    """Return a pod with a web server; it is ready when it listens."""
    listener = pod(name, ["sh", "-c", f"trap exit TERM; busybox httpd -f -p {PORT} -h /tmp & wait"])
    (container,) = listener["spec"]["containers"]
    container["readinessProbe"] = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    return listener


def opened(caller: Consul, name: str, targets: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return the targets (address, port) to which a pod can open a connection."""
    # In parallel, because each closed port takes the whole timeout. %{time_connect} is 0 if there was no connection.
    tries = [
        f"(curl --silent --connect-timeout 3 --max-time 4 --write-out '{address} {port} %{{time_connect}}\n' "
        f"telnet://{address}:{port} </dev/null) & "
        for address, port in targets
    ]
    said = [line.split() for line in caller.run(name, "sh", "-c", f"{''.join(tries)} wait").splitlines()]
    assert len(said) == len(tries)
    return {(address, int(port)) for address, port, seconds in said if float(seconds) > 0}


@pytest.mark.parametrize("who", ALLOWED)
@pytest.mark.parametrize("whom", ["consul-0", "consul-client-0"])
def test_only_the_ports_that_each_caller_needs_are_open(
    callers: dict[str, tuple[Consul, str]], consul: Consul, who: str, whom: str
) -> None:
    caller, name = callers[who]
    address = consul.address(whom)
    ports = [RPC, SERF, HTTPS, GRPC, DNS] if whom == "consul-0" else [SERF, HTTPS, GRPC, DNS]
    assert opened(caller, name, [(address, port) for port in ports]) == {(address, port) for port in ALLOWED[who][whom]}


@pytest.mark.parametrize("who", ALLOWED_OUTSIDE)
def test_only_clients_can_call_out_and_only_client_namespaces(callers: dict[str, tuple[Consul, str]], who: str) -> None:
    caller, name = callers[who]
    targets = {whom: (callers[whom][0].address(callers[whom][1]), PORT) for whom in OUTSIDE}
    found = opened(caller, name, targets.values())
    assert {whom for whom, target in targets.items() if target in found} == ALLOWED_OUTSIDE[who]


@pytest.mark.parametrize(("who", "answered"), [("a client namespace", True), ("another namespace", False)])
def test_dns_answers_the_client_namespaces(
    callers: dict[str, tuple[Consul, str]], stack: Stack, who: str, answered: bool
) -> None:
    caller, name = callers[who]
    server = stack.outputs()["dnsAddress"].removesuffix(":53")
    said = caller.run(name, "sh", "-c", f"timeout 5 nslookup consul.service.consul {server}", check=False)
    assert ("Name:	consul.service.consul" in said) is answered


def test_a_client_namespace_can_call_a_client_by_name_with_the_clusters_ca(
    callers: dict[str, tuple[Consul, str]], stack: Stack
) -> None:
    caller, name = callers["a client namespace"]
    outputs = stack.outputs()
    addresses = [outputs["clientAddress"], *(f"https://{host}:{HTTPS}" for host in outputs["clientHosts"])]
    command = (
        'cat > /tmp/ca.pem; for address in "$@"; do curl -sS --cacert /tmp/ca.pem "$address/v1/status/leader"; done'
    )
    said = caller.run(name, "sh", "-c", command, "sh", *addresses, stdin=outputs["caCertificate"])
    assert said.count(":8300") == len(addresses)


def test_pod_security_refuses_a_privileged_pod(stack: Stack) -> None:
    loose = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "loose"},
        "spec": {"containers": [{"name": "main", "image": "any:1"}]},
    }
    consul = Consul(stack.kubeconfig, E2E_NAMESPACE)
    said = consul.kubectl("apply", "--filename", "-", stdin=json.dumps(loose), check=False)
    assert 'violates PodSecurity "restricted' in said


def test_no_pod_has_a_service_account_token_or_a_writable_root(consul: Consul) -> None:
    for name in ("consul-0", "consul-client-0"):
        assert "No such file" in consul.run(name, "ls", "/var/run/secrets/kubernetes.io", check=False)
        assert "Read-only file system" in consul.run(name, "touch", "/written", check=False)
        assert consul.run(name, "id", "-u") == "10100\n"
        capabilities = consul.run(name, "grep", "CapEff", "/proc/1/status").split()[1]
        assert int(capabilities, 16) == 0


def test_each_role_has_its_own_service_account(consul: Consul) -> None:
    # Read the pods' owners, because the pod of a finished Job may be deleted.
    owners = [*consul.objects("statefulsets"), *consul.objects("jobs")]
    accounts = sorted(owner["spec"]["template"]["spec"]["serviceAccountName"] for owner in owners)
    assert accounts == ["consul", "consul-acl", "consul-client", "consul-health"]
