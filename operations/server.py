"""Run `consul` and call Consul's API in the pod of a server, with the management token."""

import json
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, Any, Self

from components.agents.agent_config import ACL_DIR, CA_CERTIFICATE, MANAGEMENT_TOKEN, OWN_URL, TLS_DIR
from components.naming import Naming
from operations.commands import OperationError, run
from operations.state import RecordedCluster, cluster_of

# If ACLs are enabled, read the token from its file: a token in an argument would show in the process list. `api` is
# `curl` with the token.
_SCRIPT_START = f"""
token={ACL_DIR}/{MANAGEMENT_TOKEN}
[ ! -e "$token" ] || export CONSUL_HTTP_TOKEN_FILE="$token"
api() {{
    {{ printf 'X-Consul-Token: '; cat "${{CONSUL_HTTP_TOKEN_FILE:-/dev/null}}"; }} | curl --silent --header @- "$@"
}}
"""
_CA_CERTIFICATES = f"cat {TLS_DIR}/{CA_CERTIFICATE}"
_CALL = 'api --show-error --fail-with-body --max-time 60 --request "$1" ${3:+--data "$3"} "$2"'


@dataclass(frozen=True)
class Server:
    """A server of a cluster in kubectl's current context: that of the pod `pod`, or the first one."""

    naming: Naming
    pod: str = ""

    def run(self, script: str, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """Run a shell script in the pod, with `arguments` as $1, …; return its output or write it to `stdout`."""
        return run(self._command(script, arguments), stdin, stdout)

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a shell script in the pod, with `arguments` as $1, …; return the process, with its input and output."""
        return subprocess.Popen(
            self._command(script, arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # Ctrl-C is for the command in the terminal.
            start_new_session=True,
        )

    def _command(self, script: str, arguments: Sequence[str]) -> list[str]:
        pod = self.pod or self.naming.servers(1)[0]
        shell = ["sh", "-ec", _SCRIPT_START + script, "sh"]
        return [*self._kubectl, "exec", "--stdin", pod, "--container=consul", "--", *shell, *arguments]

    def url(self, path: str) -> str:
        """Return a URL of Consul's API, for programs in the pod."""
        return f"{OWN_URL}/v1/{path}"

    def call(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Call Consul's API and return its answer, https://developer.hashicorp.com/consul/api-docs."""
        answer = self.run(_CALL, method, self.url(path), *([] if body is None else [json.dumps(body)]))
        return json.loads(answer) if answer else None

    def leader(self) -> Self:
        """Return the server that leads. Raises OperationError if there is none."""
        for peer in self.call("operator/raft/configuration")["Servers"]:
            if peer["Leader"]:
                return replace(self, pod=peer["Node"])
        raise OperationError("No server leads. Wait for an election, or see docs/operations.md, Replace a lost node")

    def kubectl(self, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """Run kubectl in the cluster's namespace and return what it prints."""
        return run([*self._kubectl, *arguments], stdin, stdout)

    @property
    def _kubectl(self) -> list[str]:
        return ["kubectl", "--namespace", self.naming.namespace]


def server_of(stack: str, component: str | None = None, namespace: str | None = None) -> Server:
    """Return the first server that runs; kubectl's current context must be the Kubernetes of the stack's cluster.

    `component` and `namespace` choose one of several clusters. Raises OperationError if not exactly one cluster of the
    stack matches, or if the cluster in the current context has another CA certificate.
    """
    cluster = cluster_of(stack, component, namespace)
    if not cluster.ca_certificates:
        raise OperationError(
            f"Stack {stack} has not finished creating the Consul cluster {cluster}: run pulumi up --stack {stack}"
        )
    server, trusted = _first_answer(cluster)
    # During a rotation of the CA, the pod's file and the state may differ by one CA.
    if not any(certificate.strip() in trusted for certificate in cluster.ca_certificates.values()):
        raise OperationError(
            f"The namespace {cluster.naming.namespace} of kubectl's current context has another Consul cluster than "
            f"stack {stack}: select the stack's Kubernetes cluster with kubectl config use-context CONTEXT"
        )
    return server


def _first_answer(cluster: RecordedCluster) -> tuple[Server, str]:
    """Return the first server that runs, and its CA certificates. Raises OperationError if none does."""
    *others, last = cluster.naming.servers(int(cluster.record.get("serverReplicas", 1)))
    for pod in others:
        server = Server(cluster.naming, pod)
        with suppress(OperationError):
            return server, server.run(_CA_CERTIFICATES)
    server = Server(cluster.naming, last)
    return server, server.run(_CA_CERTIFICATES)
