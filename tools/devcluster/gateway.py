"""Forwarded ports: the only connections from this machine's loopback into the cluster's network.

A listener on 127.0.0.1 forwards connections to a Unix socket in the state folder. The path of a Unix socket is valid in
any network namespace, so a relay in the control plane's network accepts them there and forwards them to their target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.devcluster.machine import Part
from tools.devcluster.plan import API_PORT, CONTROL_PLANE, Node
from tools.devcluster.state import State

NAME = "gateway"

# The node with the ingress controller on its host ports 80 and 443.
INGRESS_NODE = Node(1)


@dataclass(frozen=True)
class Forward:
    """A port on the loopback that is forwarded to an address in the cluster's network."""

    name: str
    port: int
    target: str

    def relay(self, binary: Callable[[str], Path], state: State) -> Part:
        """Return the part for the control plane."""
        listen = f"UNIX-LISTEN:{state.sockets / self.name},fork,unlink-early,mode=600,backlog=128"
        return Part(f"relay-{self.name}", [str(binary("socat")), listen, f"TCP:{self.target}"])

    def listener(self, binary: Callable[[str], Path], state: State) -> Part:
        """Return the part for the gateway."""
        listen = f"TCP-LISTEN:{self.port},bind=127.0.0.1,reuseaddr,fork,backlog=128"
        return Part(
            f"listener-{self.name}", [str(binary("socat")), listen, f"UNIX-CONNECT:{state.sockets / self.name}"]
        )


def plan_forwards(api_port: int, http_port: int, https_port: int) -> list[Forward]:
    """Return the forwarded ports of the API server and the ingress controller."""
    return [
        Forward("api", api_port, f"{CONTROL_PLANE}:{API_PORT}"),
        Forward("http", http_port, f"{INGRESS_NODE.address}:80"),
        Forward("https", https_port, f"{INGRESS_NODE.address}:443"),
    ]
