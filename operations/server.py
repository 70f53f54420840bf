"""A cluster's first server: `consul` and Consul's API in its pod, with the rights of the management token."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from components.agents.agent_config import ACL_DIR, CA_CERTIFICATE, HTTP_PORT, MANAGEMENT_TOKEN, TLS_DIR
from components.identity import COMPONENT_TYPE
from components.naming import Naming
from operations.commands import OperationError, run

# Read the token from its file, where ACLs are on: a token in an argument would show in the process list.
_SCRIPT_START = f"""
token={ACL_DIR}/{MANAGEMENT_TOKEN}
[ ! -e "$token" ] || export CONSUL_HTTP_TOKEN_FILE="$token"
"""
_CALL = """
{ printf 'X-Consul-Token: '; cat "${CONSUL_HTTP_TOKEN_FILE:-/dev/null}"; } |
    curl --silent --show-error --fail-with-body --max-time 60 --header @- --request "$1" ${3:+--data "$3"} "$2"
"""


@dataclass(frozen=True)
class Server:
    """The first server of a cluster in kubectl's current context."""

    naming: Naming

    def run(self, script: str, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """Run a shell script in the pod, with `arguments` as $1, …; return what it prints, or write it to `stdout`."""
        pod = self.naming.servers(1)[0]
        shell = ["sh", "-ec", _SCRIPT_START + script, "sh"]
        return self.kubectl(
            "exec", "--stdin", pod, "--container=consul", "--", *shell, *arguments, stdin=stdin, stdout=stdout
        )

    def call(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Call Consul's API and return its answer, https://developer.hashicorp.com/consul/api-docs."""
        url = f"http://127.0.0.1:{HTTP_PORT}/v1/{path}"
        answer = self.run(_CALL, method, url, *([] if body is None else [json.dumps(body)]))
        return json.loads(answer) if answer else None

    def kubectl(self, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """Run kubectl in the cluster's namespace and return what it prints."""
        return run(["kubectl", "--namespace", self.naming.namespace, *arguments], stdin, stdout)


def server_of(stack: str, component: str | None = None) -> Server:
    """Return the first server of a stack's cluster, which kubectl's current context must have.

    The stack's state says which clusters there are, under whatever names and outputs. Raises OperationError if there is
    none, if there are several and `component` names none of them, or if the context has another cluster in its place.
    """
    exported = json.loads(run(["pulumi", "stack", "export", "--non-interactive", "--stack", stack]))
    resources = exported["deployment"].get("resources", [])
    clusters = {_name(resource): resource for resource in resources if resource["type"] == COMPONENT_TYPE}
    cluster = clusters[_chosen(stack, clusters, component)]
    server = Server(Naming(_name(cluster), cluster["inputs"]["namespace"]))
    (authority,) = (
        resource["outputs"]["certPem"]
        for resource in resources
        if resource.get("parent") == cluster["urn"] and resource["type"].endswith(":SelfSignedCert")
    )
    if server.run(f"cat {TLS_DIR}/{CA_CERTIFICATE}").strip() != authority.strip():
        raise OperationError(
            f"The namespace {server.naming.namespace} of kubectl's current context has another Consul cluster than "
            f"stack {stack}: select the stack's Kubernetes cluster with kubectl config use-context …"
        )
    return server


def _chosen(stack: str, clusters: Mapping[str, object], component: str | None) -> str:
    names = ", ".join(sorted(clusters))
    if not clusters:
        raise OperationError(f"Stack {stack} has no Consul cluster yet: bring it up with pulumi up --stack {stack}")
    if component is None and len(clusters) > 1:
        raise OperationError(f"Stack {stack} has several Consul clusters: choose one with --component: {names}")
    if component is not None and component not in clusters:
        raise OperationError(f"Stack {stack} has no Consul cluster {component}; allowed for --component: {names}")
    return component or names


def _name(resource: Mapping[str, str]) -> str:
    """Return a resource's name, the last part of its URN."""
    return resource["urn"].rpartition("::")[2]
