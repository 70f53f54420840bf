"""The pre-flight check: `pulumi up` changes the servers, the gossip keys and the CA only if this Job succeeds."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job

from components.acl.job import SCRIPTS as ACL_SCRIPTS
from components.acl.objects import Acl
from components.agents.agent_config import MANAGEMENT_DIR, election_seconds
from components.agents.agent_files import AgentFiles
from components.agents.stateful_sets import SCRIPTS
from components.cluster import Cluster
from components.kubernetes.job import JOB_MINUTES, RELOAD_MINUTES, Script, create_job
from components.kubernetes.pod import MANAGEMENT_MOUNT, management_volume
from components.settings import MOST_SERVERS
from components.trust.keys import Keys

# A new server needs 10 s of stable health (server_stabilization_time). On a busy machine, autopilot may take a healthy
# server for unhealthy for some seconds (last_contact_threshold, 200 ms).
_TIMEOUT_SECONDS = 120

# How long the check may wait until the members answer with the keys that they have, and until they serve certificates
# of the right CA: $TIMEOUT of the script, twice.
_KEYS_MINUTES = 4

# A server leaves within 90 s and Raft confirms it within 30 s, or the check fails (preflight.sh).
_MINUTES_TO_LEAVE = 3


def create_preflight(
    cluster: Cluster,
    files: AgentFiles,
    keys: Keys,
    acl: Acl | None,
    revision: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
) -> Job:
    """Create the Job that checks the running cluster, and makes servers leave that are no longer declared.

    Other generations of keys, or a changed `revision`, the hash of the servers' spec, run it again. It uses the
    management token, because it runs before the ACL Job updates the policies of the other tokens.
    """
    naming, settings = cluster.naming, cluster.settings
    scripts = Path(__file__).with_name("scripts")
    interruptions = cluster.history.interruptions
    script = Script(
        [
            SCRIPTS / "servers.sh",
            ACL_SCRIPTS / "management_token.sh",
            scripts / "expired.sh",
            scripts / "gossip.sh",
            scripts / "check_gossip.sh",
            scripts / "check_ca.sh",
            scripts / "preflight.sh",
        ],
        {
            "SERVERS": " ".join(naming.servers(settings.server_replicas)),
            "EVERY_SERVER": " ".join(naming.servers(MOST_SERVERS)),
            "REVISION": revision,
            "GOSSIP_FINGERPRINTS": keys.gossip_fingerprints,
            "CA_KEYS": " ".join(map(str, settings.ca_keys)),
            "CLIENT_SERVICE": naming.host(naming.clients),
            "RELOAD_TIMEOUT": str(RELOAD_MINUTES * 60),
            "ELECTION_SECONDS": str(election_seconds(settings)),
            "ALLOW_DEGRADED": str(settings.allow_degraded).lower(),
            "STARTS_OVER": str(cluster.history.starts_over).lower(),
            **({"INTERRUPTIONS": str(interruptions)} if interruptions else {}),
            **({"MANAGEMENT_DIR": MANAGEMENT_DIR} if acl else {}),
        },
        _TIMEOUT_SECONDS,
        minutes=JOB_MINUTES
        + RELOAD_MINUTES
        + _KEYS_MINUTES
        + (cluster.history.servers_so_far - settings.server_replicas) * _MINUTES_TO_LEAVE,
        volumes=[management_volume(acl)] if acl else [],
        mounts=[MANAGEMENT_MOUNT] if acl else [],
    )
    return create_job(naming.preflight, cluster, files, script, opts)
