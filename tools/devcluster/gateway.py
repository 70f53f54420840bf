"""Ways from this machine's loopback into the cluster's network, and nothing but these.

A listener on 127.0.0.1 passes connections to a Unix socket in the state folder. Such a socket is found by its path from
any network namespace; on its other side a relay in the control plane's network passes them on.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.devcluster.errors import DevclusterError
from tools.devcluster.machine import Part
from tools.devcluster.plan import API_PORT, CONTROL_PLANE, Node
from tools.devcluster.state import State

NAME = "gateway"

# The node whose host ports 80 and 443 the ingress controller has.
INGRESS_NODE = Node(1)

# Where the search for free ports starts: below the range from which the kernel gives ports to outgoing connections.
FIRST_API_PORT = 16443
FIRST_HTTP_PORT = 18080
FIRST_HTTPS_PORT = 18443
_PORTS_TRIED = 1000


@dataclass(frozen=True)
class Way:
    """A way from a port on the loopback to an address in the cluster's network."""

    name: str
    port: int
    target: str

    def relay(self, binary: Callable[[str], Path], state: State) -> Part:
        """The part for the control plane."""
        listen = f"UNIX-LISTEN:{state.sockets / self.name},fork,unlink-early,mode=600,backlog=128"
        return Part(f"relay-{self.name}", [str(binary("socat")), listen, f"TCP:{self.target}"])

    def listener(self, binary: Callable[[str], Path], state: State) -> Part:
        """The part for the gateway."""
        listen = f"TCP-LISTEN:{self.port},bind=127.0.0.1,reuseaddr,fork,backlog=128"
        return Part(
            f"listener-{self.name}", [str(binary("socat")), listen, f"UNIX-CONNECT:{state.sockets / self.name}"]
        )


def plan_ways(api_port: int, http_port: int, https_port: int) -> list[Way]:
    """The API server's and the ingress controller's ways."""
    return [
        Way("api", api_port, f"{CONTROL_PLANE}:{API_PORT}"),
        Way("http", http_port, f"{INGRESS_NODE.address}:80"),
        Way("https", https_port, f"{INGRESS_NODE.address}:443"),
    ]


def free_port(first: int) -> int:
    """The first port of the loopback, from `first` on, that nothing listens on."""
    return next(port for port in range(first, first + _PORTS_TRIED) if _is_free(port))


def check_free(port: int) -> None:
    """Raise DevclusterError if something else has taken the port meanwhile."""
    if not _is_free(port):
        raise DevclusterError(
            f"port 127.0.0.1:{port}, which this cluster uses, is taken by another program: end that,"
            " or make the cluster anew with `devcluster down` and `devcluster up`"
        )


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
