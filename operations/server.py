"""A stack's first server: `consul` and Consul's API in its pod, with the rights of the management token."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from components.agents.agent_config import ACL_DIR, CA_CERTIFICATE, HTTP_PORT, MANAGEMENT_TOKEN, TLS_DIR
from components.naming import Naming

# As __main__.py calls it.
_CLUSTER = "consul"

# The token's file, where there are ACLs; a token in an argument would show in the process list.
_SCRIPT_START = f"""
token={ACL_DIR}/{MANAGEMENT_TOKEN}
[ ! -e "$token" ] || export CONSUL_HTTP_TOKEN_FILE="$token"
"""
_CALL = """
{ printf 'X-Consul-Token: '; cat "${CONSUL_HTTP_TOKEN_FILE:-/dev/null}"; } |
    curl --silent --show-error --fail-with-body --max-time 60 --header @- --request "$1" ${3:+--data "$3"} "$2"
"""

# A snapshot of some GB on a slow disk; all else takes seconds.
_LIMIT_SECONDS = 1800


class SnapshotError(Exception):
    """What cannot be done; the message says why and what to do."""


@dataclass(frozen=True)
class Server:
    """The first server of a cluster in a namespace of kubectl's current cluster."""

    namespace: str

    @property
    def naming(self) -> Naming:
        """The names of the cluster's objects."""
        return Naming(_CLUSTER, self.namespace)

    def run(self, script: str, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """What a shell script prints that finds its arguments as $1, $2, …; nothing where it goes to `stdout`."""
        pod = self.naming.servers(1)[0]
        shell = ["sh", "-ec", _SCRIPT_START + script, "sh"]
        return self.kubectl(
            "exec", "--stdin", pod, "--container=consul", "--", *shell, *arguments, stdin=stdin, stdout=stdout
        )

    def call(self, path: str, method: str = "GET", body: object = None) -> Any:
        """What Consul's API answers, https://developer.hashicorp.com/consul/api-docs."""
        url = f"http://127.0.0.1:{HTTP_PORT}/v1/{path}"
        answer = self.run(_CALL, method, url, *([] if body is None else [json.dumps(body)]))
        return json.loads(answer) if answer else None

    def kubectl(self, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """What a command of kubectl's prints in the cluster's namespace."""
        return run(["kubectl", "--namespace", self.namespace, *arguments], stdin, stdout)


def server_of(stack: str) -> Server:
    """The first server of a stack's cluster; raises SnapshotError where kubectl's current cluster has another."""
    outputs = json.loads(run(["pulumi", "stack", "output", "--json", "--non-interactive", "--stack", stack]))
    if "namespace" not in outputs:
        raise SnapshotError(f"Stack {stack} has no cluster yet: bring it up first, pulumi up --stack {stack}")
    server = Server(outputs["namespace"])
    if server.run(f"cat {TLS_DIR}/{CA_CERTIFICATE}").strip() != outputs["caCertificate"].strip():
        raise SnapshotError(
            f"The namespace {server.namespace} of kubectl's current cluster has another Consul than stack {stack}: "
            "select the cluster of the stack, kubectl config use-context …"
        )
    return server


def run(command: Sequence[str], stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
    """What a command prints; raises SnapshotError with what it complained of."""
    try:
        result = subprocess.run(
            command,
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            timeout=_LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SnapshotError(f"{_shown(command)} has not ended after {_LIMIT_SECONDS} s") from None
    except FileNotFoundError:
        raise SnapshotError(f'There is no {command[0]} on the PATH: eval "$(make -s env)" sets it') from None
    printed = (result.stdout or b"").decode()
    if result.returncode != 0:
        raise SnapshotError(f"{_shown(command)} failed: {printed}{result.stderr.decode()}".rstrip())
    return printed


def _shown(command: Sequence[str]) -> str:
    """A command's first words, without scripts."""
    return " ".join(command).partition(" -- ")[0]
