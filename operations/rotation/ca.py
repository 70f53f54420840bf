"""Rotate the CA's key."""

from collections.abc import Sequence
from dataclasses import replace

from components.agents.agent_config import CA_CERTIFICATE, HTTPS_PORT, TLS_DIR
from components.trust.generations import CA_KEYS
from operations.commands import OperationError
from operations.rotation.steps import Rotation, Step, Target, plan_of_setting, rotate, steps
from operations.server import Server
from operations.state import RecordedCluster

# Print the CA certificates that this agent's file has, and then the exit code of a call of the agent with the CA in
# each argument. Code 60 says that the CA does not verify the certificate: https://curl.se/libcurl/c/libcurl-errors.html
_TRUST = f"""
cat {TLS_DIR}/{CA_CERTIFICATE}
for ca; do
    code=0
    printf %s "$ca" | curl --silent --max-time 10 --cacert /dev/stdin --output /dev/null \\
        https://127.0.0.1:{HTTPS_PORT}/v1/status/leader || code=$?
    echo "code $code"
done
"""


def ca_steps(current: Sequence[int], cluster: RecordedCluster) -> list[list[int]]:
    """Return the values of `caKeys` that are still to come, each for one update. Pure.

    After the last step, one more update restarts the clients, which then trust the new CA alone.
    """
    confirmed = cluster.generations(CA_KEYS)
    if [*current] == confirmed and len(confirmed) == 1 and cluster.clients_may_trust_removed_cas:
        return [confirmed]
    coming = list(steps(CA_KEYS, current, confirmed))
    return [*coming, coming[-1]]


def rotate_ca(target: Target, server: Server) -> str:
    """Rotate the CA's key, or finish a rotation that was interrupted; return a summary of the writes meanwhile.

    Raises OperationError if a step fails. The same command goes on from there.
    """

    def prepare(cluster: RecordedCluster, step: Step) -> None:
        """Ask the user to update the callers before another CA signs."""
        generations = step[CA_KEYS]
        if generations[0] != cluster.generations(CA_KEYS)[0]:
            target.wait_for_others(
                f"Before CA {generations[0]} signs, all callers must trust the new output caCertificate, which has "
                "both CAs: run pulumi up in the projects that use it."
            )

    def prove(before: RecordedCluster, cluster: RecordedCluster) -> str:
        old = [pem for name, pem in before.ca_certificates.items() if name not in cluster.ca_certificates]
        return _proof(cluster, server, old)

    return rotate(target, server, Rotation([CA_KEYS], plan_of_setting(CA_KEYS, ca_steps), prove, prepare))


def _proof(cluster: RecordedCluster, server: Server, old: Sequence[str]) -> str:
    """Return what proves the end of a rotation: agents have the new CA alone, and no certificate of an `old` one.

    Raises OperationError otherwise.
    """
    (new,) = cluster.ca_certificates.values()
    (generation,) = cluster.generations(CA_KEYS)
    naming, servers = cluster.naming, int(cluster.record["serverReplicas"])
    count = int(cluster.confirmed["members"])
    expected = " ".join([new, "code 0", *("code 60" for _ in old)])
    for pod in [*naming.servers(servers), *naming.client_pods(count - servers)]:
        found = replace(server, pod=pod).run(_TRUST, new, *old)
        if found.split() != expected.split():
            raise OperationError(
                f"The rotation is complete, so do not run the command again. But {pod} does not have a certificate of "
                f"CA {generation}, or does not trust this CA alone. It has answered: {found}"
            )
    refused = "; the old CA verifies none of them" if old else ""
    return f"All {count} agents trust CA {generation} alone and have its certificates{refused}"
