"""Restore a snapshot in the cluster from which it was taken, or in a cluster with other agents, keys and tokens."""

import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components.acl.tokens import DESCRIPTION_PREFIX
from operations.commands import OperationError
from operations.server import Server
from operations.snapshots.save import save

_RESTORED = "/tmp/restored.snap"  # noqa: S108 - a volume that only this pod mounts

# Agents compare the catalog with their own services about once a minute,
# https://developer.hashicorp.com/consul/docs/concept/consistency#periodic-synchronization
_TIMEOUT_SECONDS = 300
_POLL_SECONDS = 5

# A failed copy of the Job stays long enough for somebody to read its log.
_KEPT_SECONDS = 3600

# https://pkg.go.dev/github.com/hashicorp/serf/serf#MemberStatus
_ALIVE = 1

# A Go template that prints the keys of a Secret, without the values.
_KEYS = "{{range $key, $value := .data}}{{$key}} {{end}}"


def restore(server: Server, file: Path, backup: Path) -> None:
    """Replace all data of a cluster with the snapshot `file`; first save the current data in the file `backup`.

    A snapshot also contains the agents and tokens of the cluster from which it was taken. If that is another cluster,
    remove its agents and tokens, and register the agents and tokens of this cluster again.

    Raises OperationError if the file is not a complete snapshot, which changes nothing, or if a later step fails.
    """
    try:
        with file.open("rb") as stream:
            server.run(
                f"cat > {_RESTORED}; consul snapshot inspect {_RESTORED} || (rm {_RESTORED}; false)", stdin=stream
            )
    except OSError as error:
        raise OperationError(f"Cannot read {file}: {error.strerror}") from None
    except OperationError as error:
        raise OperationError(f"{file} is not a complete snapshot; nothing was changed. {error}") from None
    save(server, backup)
    server.run(f"consul snapshot restore {_RESTORED}; rm {_RESTORED}")
    print("Restored the data. Registering the agents and tokens of this cluster")
    try:
        _register_own(server)
    except OperationError as error:
        raise OperationError(
            f"{file} is restored, but not all agents are registered yet: run the same command again. {error}"
        ) from None


def _register_own(server: Server) -> None:
    """Remove the agents and tokens of another cluster, and wait until the agents of this cluster are registered.

    The snapshot also replaces autopilot's configuration. Set `min_quorum` back to the number of servers: the pre-flight
    check reads the number from it.
    """
    server.run('consul operator autopilot set-config -min-quorum="$1"', str(_declared_servers(server)))
    members = server.call("agent/members")
    for name in foreign_agents(members, server.call("catalog/nodes"), server.call("health/state/any")):
        server.call("catalog/deregister", "PUT", {"Node": name})
    _create_own_tokens(server)
    _wait_for_agents(server, {member["Name"] for member in members if member["Status"] == _ALIVE})


def _declared_servers(server: Server) -> int:
    return int(server.kubectl("get", "statefulset", server.naming.name, "--output=jsonpath={.spec.replicas}"))


def foreign_agents(
    members: Iterable[Mapping[str, Any]], nodes: Iterable[Mapping[str, Any]], checks: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Return the names of the nodes that are agents of another cluster. Pure.

    The arguments are the answers of agent/members, catalog/nodes and health/state/any. An agent has the check
    `serfHealth`. Another program, such as consul-esm, registered a node without this check, so that node stays.
    """
    own = {member["Tags"].get("id") for member in members}
    agents = {check["Node"] for check in checks if check["CheckID"] == "serfHealth"}
    return sorted(node["Node"] for node in nodes if node["Node"] in agents and node["ID"] not in own)


def _create_own_tokens(server: Server) -> None:
    """Run a copy of the Job that creates this cluster's tokens, and delete the tokens of another cluster.

    The Job also deletes a management token that Consul created in the other cluster.
    """
    labels = server.naming.job_labels(server.naming.acl)
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    jobs = json.loads(server.kubectl("get", "jobs", f"--selector={selector}", "--output=json"))["items"]
    if not jobs:
        return
    own = {server.call("acl/token/self")["AccessorID"]}
    for job in jobs:
        with tempfile.TemporaryFile() as stream:
            stream.write(json.dumps(copy_of(job)).encode())
            stream.seek(0)
            copy = server.kubectl("create", "--filename=-", "--output=name", stdin=stream).strip()
        server.kubectl("wait", "--for=condition=Complete", f"--timeout={_TIMEOUT_SECONDS}s", copy)
        own |= _declared(server, job)
    for token in server.call("acl/tokens"):
        if token["Description"].startswith(DESCRIPTION_PREFIX) and token["AccessorID"] not in own:
            server.call(f"acl/token/{token['AccessorID']}", "DELETE")


def _declared(server: Server, job: Mapping[str, Any]) -> set[str]:
    """Return the accessor IDs of the tokens that the Job creates: each is the name of a file in its Secret."""
    volumes = {volume["name"]: volume for volume in job["spec"]["template"]["spec"]["volumes"]}
    secret = volumes["tokens"]["secret"]["secretName"]
    keys = server.kubectl("get", "secret", secret, f"--output=go-template={_KEYS}").split()
    return {key.removesuffix(".json") for key in keys}


def copy_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Job that does the same once more, and that Kubernetes deletes afterwards. Pure.

    The original stays, because it belongs to Pulumi, and because an interrupted restore finds it again. The pod keeps
    its labels, for the NetworkPolicies. The copy has another label, so that the next restore does not find it: without
    any label, Kubernetes would give it those of the pod.
    """
    metadata, template = job["metadata"], job["spec"]["template"]
    labels = {
        key: value for key, value in template["metadata"]["labels"].items() if key.startswith("app.kubernetes.io/")
    }
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": {"app.kubernetes.io/managed-by": "consul-cluster"},
        },
        "spec": {
            "backoffLimit": job["spec"]["backoffLimit"],
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        },
    }


def _wait_for_agents(server: Server, wanted: set[str]) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while missing := wanted - {node["Node"] for node in server.call("catalog/nodes")}:
        if time.monotonic() > deadline:
            names = ", ".join(sorted(missing))
            raise OperationError(
                f"After {_TIMEOUT_SECONDS} s these agents are not in the catalog: {names}. Read the logs of their pods"
            )
        print(f"Waiting for {len(missing)} of {len(wanted)} agents to register: {', '.join(sorted(missing))}")
        time.sleep(_POLL_SECONDS)
