"""The cluster's network: a bridge in the control plane's network namespace, and a veth pair from each node to it.

Nodes reach each other's pods by routes, so all traffic between pods passes the nodes' FORWARD hook, where
NetworkPolicies are enforced. The cluster has no connection to the outside: the host's network gets no
interface, route or rule.
"""

from collections.abc import Sequence

from tools.devcluster.machine import Machine
from tools.devcluster.plan import CONTROL_PLANE, MACHINES, Node

BRIDGE = "switch"
NODE_INTERFACE = "eth0"
POLICY_QUEUE = 100

# The iptables chain that drops packets for the fault `lose`.
LOSS_CHAIN = "DEVCLUSTER-LOSS"


def connect_control_plane(control_plane: Machine, nodes: Sequence[Node]) -> None:
    """Create the bridge with the control plane's address, if it does not exist."""
    if _has_interface(control_plane, BRIDGE):
        return
    _ip(
        control_plane,
        "link set lo up",
        f"link add {BRIDGE} type bridge",
        f"address add {CONTROL_PLANE}/{MACHINES.prefixlen} dev {BRIDGE}",
        f"link set {BRIDGE} up",
        *(f"route add {node.pods} via {node.address}" for node in nodes),
    )


def connect_node(control_plane: Machine, machine: Machine, node: Node, others: Sequence[Node]) -> None:
    """Connect a node to the bridge, if it is not connected."""
    if _has_default_route(machine):
        return
    if _has_interface(control_plane, node.name):
        _ip(control_plane, f"link delete {node.name}")
    machine.run(["iptables-restore"], stdin=_RULES)
    machine.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
    _ip(
        control_plane,
        f"link add {node.name} type veth peer name {NODE_INTERFACE} netns {machine.holder}",
        f"link set {node.name} master {BRIDGE} up",
    )
    _ip(
        machine,
        "link set lo up",
        f"address add {node.address}/{MACHINES.prefixlen} dev {NODE_INTERFACE}",
        f"link set {NODE_INTERFACE} up",
        *(f"route add {other.pods} via {other.address}" for other in others if other != node),
        # The last command: the default route shows that everything before it was done.
        f"route add default via {CONTROL_PLANE}",
    )


def disable_link(control_plane: Machine, node: Node) -> None:
    """Disconnect a node from all other machines."""
    _ip(control_plane, f"link set {node.name} down")


def enable_link(control_plane: Machine, node: Node) -> None:
    """Undo `disable_link`."""
    _ip(control_plane, f"link set {node.name} up")


def lose_packets(machine: Machine, share: float) -> None:
    """Drop a random share, from 0 to 1, of the packets to a node."""
    table = ["iptables", "--table", "raw"]
    machine.run([*table, "--flush", LOSS_CHAIN])
    if share:
        chance = ["--match", "statistic", "--mode", "random", "--probability", str(share)]
        machine.run([*table, "--append", LOSS_CHAIN, *chance, "--jump", "DROP"])


def policy_queue_is_served(machine: Machine) -> bool:
    """Return whether a policy enforcer listens to the node's queue."""
    queues = machine.network / "netfilter" / "nfnetlink_queue"
    return any(line.split()[0] == str(POLICY_QUEUE) for line in queues.read_text().splitlines())


# New connections between pods wait for the enforcer's verdict. Without an enforcer they are dropped.
_RULES = f"""\
*mangle
-A FORWARD -m conntrack --ctstate NEW -j NFQUEUE --queue-num {POLICY_QUEUE}
COMMIT
*raw
:{LOSS_CHAIN} -
-A PREROUTING -i {NODE_INTERFACE} -j {LOSS_CHAIN}
COMMIT
"""


def _ip(machine: Machine, *commands: str) -> None:
    """Run ip(8) commands in the machine's network, with the host's process IDs, which `netns` refers to."""
    machine.run_on_network(["ip", "-batch", "-"], stdin="\n".join(commands) + "\n")


def _has_interface(machine: Machine, name: str) -> bool:
    return f"{name}:" in (machine.network / "dev").read_text().split()


def _has_default_route(machine: Machine) -> bool:
    routes = [line.split() for line in (machine.network / "route").read_text().splitlines()[1:]]
    return any(interface == NODE_INTERFACE and destination == "00000000" for interface, destination, *_ in routes)
