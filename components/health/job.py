"""The health check: `pulumi up` succeeds only if this Job succeeds."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import Job

from components.acl.objects import Acl
from components.acl.tokens import GENERATION_META
from components.agents.agent_config import CLIENT_TLS_PORTS, HTTPS_PORT, KEYRING, SERVER_TLS_PORTS
from components.agents.agent_files import AgentFiles
from components.cluster import Cluster
from components.identity import CLIENT, HEALTH, SERVER
from components.kubernetes.job import JOB_MINUTES, RELOAD_MINUTES, Script, create_job, run_of
from components.kubernetes.pod import GOSSIP_MOUNT, gossip_volume, token_environment, token_mounts, token_volumes
from components.trust.keys import Keys

# Autopilot checks every 10 s, and lets a new server vote after 10 s of stable health (server_stabilization_time). A
# client whose old pod could not leave is a member again about a minute later (components/agents/README.md, Restart).
_TIMEOUT_SECONDS = 120


def create_health_check(
    cluster: Cluster,
    files: AgentFiles,
    keys: Keys,
    acl: Acl | None,
    preflight: Job,
    revision: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
) -> Job:
    """Create a Job that fails unless the running cluster matches the declaration.

    Exactly the declared agents must be alive, one server must lead, all servers must vote, and every agent must serve
    its current certificate and use its current token. Then the Job changes the agents' gossip keys, if they are not
    those declared. A new certificate or key, a run of the pre-flight check, or a changed `revision`, the hash of the
    agents' specs, runs the Job again. `opts` must make it depend on the agents.
    """
    naming, settings = cluster.naming, cluster.settings
    servers = naming.servers(settings.server_replicas)
    clients = naming.client_pods(settings.client_replicas)
    members = [f"{SERVER}:{name}" for name in servers] + [f"{CLIENT}:{name}" for name in clients]
    scripts = Path(__file__).with_name("scripts")
    script = Script(
        [
            scripts / "expired.sh",
            scripts / "certificates.sh",
            scripts / "gossip.sh",
            scripts / "rotate_gossip.sh",
            scripts / "tokens.sh",
            scripts / "check_health.sh",
        ],
        {
            "MEMBERS": " ".join(members),
            "SERVERS": " ".join(servers),
            "REVISION": revision,
            # An update that takes back an interrupted change of keys has the fingerprints of the last successful check.
            "PREFLIGHT": run_of(preflight),
            "GOSSIP_FINGERPRINTS": keys.gossip_fingerprints,
            "KEYRING": KEYRING,
            "SERVER_VALIDITY": files.server_certificate.validity,
            "SERVER_SERVICE": naming.host(naming.name),
            "SERVER_PORTS": " ".join(map(str, SERVER_TLS_PORTS)),
            "CLIENT_VALIDITY": files.client_certificate.validity,
            "CLIENT_SERVICE": naming.host(naming.clients),
            "CLIENT_PORTS": " ".join(map(str, CLIENT_TLS_PORTS)),
            "RELOAD_TIMEOUT": str(RELOAD_MINUTES * 60),
            "HTTPS_PORT": str(HTTPS_PORT),
            "GENERATION_META": GENERATION_META,
            "TOKEN_GENERATION": str(settings.agent_keys[0]),
            **token_environment(acl),
        },
        _TIMEOUT_SECONDS,
        minutes=JOB_MINUTES + 4 * RELOAD_MINUTES,
        volumes=[gossip_volume(files.gossip_secret), *token_volumes(acl, HEALTH)],
        mounts=[GOSSIP_MOUNT, *token_mounts(acl)],
    )
    return create_job(naming.health, cluster, files, script, opts)
