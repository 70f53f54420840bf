"""NetworkPolicies: which callers can open which ports, and which cannot."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from components.identity import NAME_LABEL
from tests.support.consul import Consul
from tests.support.pods import IDLE, INSIDE, pod, running
from tests.support.settings import E2E_NAMESPACE
from tests.support.stack import Stack

RPC, SERF, HTTPS, GRPC, DNS = 8300, 8301, 8501, 8503, 8600

# The port of the pods outside the agents' namespace.
PORT = 8080

# The ports that are tried, by target. No NetworkPolicy protects the pods in other namespaces, so the callers there show
# that the port is open.
SERVER, CLIENT, WEB, OTHER = "consul-0", "consul-client-0", "a client namespace", "another namespace"
TRIED: dict[str, set[int]] = {
    SERVER: {RPC, SERF, HTTPS, GRPC, DNS},
    CLIENT: {SERF, HTTPS, GRPC, DNS},
    WEB: {PORT},
    OTHER: {PORT},
}

# By caller: the ports that it may open, by target.
ALLOWED: dict[str, dict[str, set[int]]] = {
    WEB: {SERVER: {DNS}, CLIENT: {HTTPS, GRPC, DNS}, WEB: {PORT}, OTHER: {PORT}},
    OTHER: {WEB: {PORT}, OTHER: {PORT}},
    "a pod beside the agents": {},
    "a Job": {SERVER: {HTTPS}},
    "the health check": {SERVER: {RPC, HTTPS, GRPC}, CLIENT: {HTTPS, GRPC}},
    "a client": {SERVER: {RPC, SERF, HTTPS}, CLIENT: {SERF}, WEB: {PORT}},
    "a server": {SERVER: {RPC, SERF, HTTPS}, CLIENT: {SERF}},
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
        running(
            inside,
            pod("beside", IDLE),
            pod("job", IDLE, labels=INSIDE | {NAME_LABEL: "consul-acl"}),
            pod("health", IDLE, labels=INSIDE),
        ),
        running(others[0], listener("caller")),
        running(others[1], listener("caller")),
    ):
        yield {
            WEB: (others[0], "caller"),
            OTHER: (others[1], "caller"),
            "a pod beside the agents": (inside, "beside"),
            "a Job": (inside, "job"),
            "the health check": (inside, "health"),
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
def test_only_the_ports_that_each_caller_needs_are_open(
    callers: dict[str, tuple[Consul, str]], consul: Consul, who: str
) -> None:
    caller, name = callers[who]
    addresses = {target: consul.address(target) for target in (SERVER, CLIENT)}
    addresses |= {target: callers[target][0].address(callers[target][1]) for target in (WEB, OTHER)}
    found = opened(caller, name, [(addresses[target], port) for target, ports in TRIED.items() for port in ports])
    expected = {(addresses[target], port) for target, ports in ALLOWED[who].items() for port in ports}
    assert found == expected


@pytest.mark.parametrize(("who", "answered"), [(WEB, True), (OTHER, False)])
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
    caller, name = callers[WEB]
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
    assert accounts == ["consul", "consul-acl", "consul-client", "consul-health", "consul-preflight"]
