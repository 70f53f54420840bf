"""The cluster's network: a switch in the control plane's namespace, and a cable from each node to it.

Nodes reach each other's pods by routes, so that all traffic between pods passes the nodes' FORWARD hook, where network
policies are enforced. Nothing leads out: the host's own network gets no interface, route or rule.
"""

from collections.abc import Sequence

from tools.devcluster.machine import Machine
from tools.devcluster.plan import CONTROL_PLANE, MACHINES, Node

SWITCH = "switch"
CABLE = "eth0"
POLICY_QUEUE = 100

# Packets that a node is to lose are dropped here.
LOSS_CHAIN = "DEVCLUSTER-LOSS"


def wire_switch(control_plane: Machine, nodes: Sequence[Node]) -> None:
    """Make the switch, with the control plane itself plugged in, unless it is there."""
    if _has_interface(control_plane, SWITCH):
        return
    _ip(
        control_plane,
        "link set lo up",
        f"link add {SWITCH} type bridge",
        f"address add {CONTROL_PLANE}/{MACHINES.prefixlen} dev {SWITCH}",
        f"link set {SWITCH} up",
        *(f"route add {node.pods} via {node.address}" for node in nodes),
    )


def wire_node(control_plane: Machine, machine: Machine, node: Node, others: Sequence[Node]) -> None:
    """Plug a node in, unless it is."""
    if _has_default_route(machine):
        return
    if _has_interface(control_plane, node.name):
        _ip(control_plane, f"link delete {node.name}")
    machine.run(["iptables-restore"], stdin=_RULES)
    machine.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
    _ip(
        control_plane,
        f"link add {node.name} type veth peer name {CABLE} netns {machine.holder}",
        f"link set {node.name} master {SWITCH} up",
    )
    _ip(
        machine,
        "link set lo up",
        f"address add {node.address}/{MACHINES.prefixlen} dev {CABLE}",
        f"link set {CABLE} up",
        *(f"route add {other.pods} via {other.address}" for other in others if other != node),
        # Last of all, for it also tells that the rest is done.
        f"route add default via {CONTROL_PLANE}",
    )


def unplug(control_plane: Machine, node: Node) -> None:
    """Cut a node off from all other machines."""
    _ip(control_plane, f"link set {node.name} down")


def plug_in(control_plane: Machine, node: Node) -> None:
    """Undo `unplug`."""
    _ip(control_plane, f"link set {node.name} up")


def lose_packets(machine: Machine, share: float) -> None:
    """Drop that share of the packets that reach a node, at random."""
    table = ["iptables", "--table", "raw"]
    machine.run([*table, "--flush", LOSS_CHAIN])
    if share:
        chance = ["--match", "statistic", "--mode", "random", "--probability", str(share)]
        machine.run([*table, "--append", LOSS_CHAIN, *chance, "--jump", "DROP"])


def policy_queue_is_served(machine: Machine) -> bool:
    """Whether a policy enforcer listens to the node's queue."""
    queues = machine.network / "netfilter" / "nfnetlink_queue"
    return any(line.split()[0] == str(POLICY_QUEUE) for line in queues.read_text().splitlines())


# New connections between pods wait for the policy enforcer's verdict, and are dropped where there is no enforcer.
_RULES = f"""\
*mangle
-A FORWARD -m conntrack --ctstate NEW -j NFQUEUE --queue-num {POLICY_QUEUE}
COMMIT
*raw
:{LOSS_CHAIN} -
-A PREROUTING -i {CABLE} -j {LOSS_CHAIN}
COMMIT
"""


def _ip(machine: Machine, *commands: str) -> None:
    """Run ip(8) commands in the machine's network only: other namespaces' process ids are the host's."""
    machine.run_on_network(["ip", "-batch", "-"], stdin="\n".join(commands) + "\n")


def _has_interface(machine: Machine, name: str) -> bool:
    return f"{name}:" in (machine.network / "dev").read_text().split()


def _has_default_route(machine: Machine) -> bool:
    routes = [line.split() for line in (machine.network / "route").read_text().splitlines()[1:]]
    return any(interface == CABLE and destination == "00000000" for interface, destination, *_ in routes)
