"""Rotate the gossip key."""

from collections.abc import Sequence
from pathlib import Path

from components.agents.agent_config import CA_CERTIFICATE, OWN_URL, TLS_DIR
from components.changes.refusals import fingerprint_name
from components.kubernetes.scripts import read_script
from components.trust.generations import GOSSIP_KEYS
from operations.commands import OperationError
from operations.rotation.steps import Rotation, Target, plan_of_setting, rotate, steps
from operations.server import Server
from operations.state import RecordedCluster

_COMPONENTS = Path(__file__).parents[2] / "components"

# Print `accepted` or `primary`, the fingerprint and the number of members for each key, and then the number of members.
_KEYS_OF_MEMBERS = (
    read_script(_COMPONENTS / "health" / "scripts" / "gossip.sh")
    + """
tries=0
until look_at_keys; do
    tries=$((tries + 1))
    [ "$tries" -lt 10 ] || { echo "$said" >&2; exit 1; }
    sleep 1
done
for pair in $keys; do echo "accepted $(fingerprint "${pair%:*}") ${pair##*:}"; done
for pair in $primary_keys; do echo "primary $(fingerprint "${pair%:*}") ${pair##*:}"; done
echo "members $all"
"""
)


def rotate_gossip(target: Target, server: Server) -> str:
    """Rotate the gossip key, or finish a rotation that was interrupted; return a summary of the writes meanwhile.

    Raises OperationError if a step fails. The same command goes on from there.
    """

    def plan(current: Sequence[int], cluster: RecordedCluster) -> list[list[int]]:
        return list(steps(GOSSIP_KEYS, current, cluster.generations(GOSSIP_KEYS)))

    def prove(_before: RecordedCluster, cluster: RecordedCluster) -> str:
        return _proof(target, cluster, server)

    return rotate(target, server, Rotation([GOSSIP_KEYS], plan_of_setting(GOSSIP_KEYS, plan), prove))


def _proof(target: Target, cluster: RecordedCluster, server: Server) -> str:
    """Return what proves the end of a rotation. Raises OperationError if the members do not have exactly its key."""
    (generation,) = cluster.generations(GOSSIP_KEYS)
    wanted = cluster.record[fingerprint_name(GOSSIP_KEYS, generation)]
    environment = f"CONSUL_CACERT={TLS_DIR}/{CA_CERTIFICATE} CONSUL_HTTP_ADDR={OWN_URL}\n"
    count = int(cluster.confirmed["members"])
    found = server.run(environment + _KEYS_OF_MEMBERS).splitlines()
    if found != [f"accepted {wanted} {count}", f"primary {wanted} {count}", f"members {count}"]:
        raise OperationError(
            f"The rotation is complete, so do not run the command again. But not all {count} members have the "
            f"key {generation}, with the fingerprint {wanted}, as their only one: {'; '.join(found)}. Run the health "
            f"check, which sets it: pulumi up --stack {target.stack} --target-replace '**Job::{server.naming.health}'"
        )
    return f"All {count} members accept and use the gossip key {generation} alone, and refuse every other"
