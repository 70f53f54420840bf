"""The ports of this machine's loopback that clusters use."""

import socket

from tools.devcluster.errors import DevclusterError

# The search for free ports starts here: below the kernel's range for outgoing connections.
FIRST_API = 16443
FIRST_HTTP = 18080
FIRST_HTTPS = 18443
_TRIED = 1000


def first_free(first: int) -> int:
    """Return the first free port, starting at `first`."""
    return next(port for port in range(first, first + _TRIED) if is_free(port))


def check_free(port: int) -> None:
    """Raise DevclusterError if another program uses the port."""
    if not is_free(port):
        raise DevclusterError(
            f"Another program uses the cluster's port 127.0.0.1:{port}: stop that program,"
            " or recreate the cluster with `devcluster down` and `devcluster up`"
        )


def is_free(port: int) -> bool:
    """Return whether no program listens on the port."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
