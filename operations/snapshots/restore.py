"""A snapshot back in a cluster: the one that it was taken of, or one with other agents, keys and tokens."""

import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from operations.commands import OperationError
from operations.server import Server
from operations.snapshots.save import save

_RESTORED = "/tmp/restored.snap"  # noqa: S108 - in a volume of the pod's own

# Agents look once a minute at what the servers know of them,
# https://developer.hashicorp.com/consul/docs/concept/consistency#periodic-synchronization
_LIMIT_SECONDS = 300

# https://pkg.go.dev/github.com/hashicorp/serf/serf#MemberStatus
_ALIVE = 1

# How Consul calls the token of `initial_management`.
_MANAGEMENT = "Initial Management Token"


def restore(server: Server, file: Path, before: Path) -> None:
    """Replace all that the cluster knows by what a snapshot has; what it knew is in the file `before` first.

    A snapshot also has the agents and the tokens of the cluster that it was taken of: agents of the same names, and
    tokens that this one's agents do not have.
    """
    try:
        with file.open("rb") as stream:
            server.run(
                f"cat > {_RESTORED}; consul snapshot inspect {_RESTORED} || (rm {_RESTORED}; false)", stdin=stream
            )
    except OperationError as error:
        raise OperationError(f"{file} is no snapshot, or a part of one; nothing was changed. {error}") from None
    save(server, before)
    server.run(f"consul snapshot restore {_RESTORED}; rm {_RESTORED}")
    print("Restored; what is left is to make this cluster's agents and tokens known to it again")
    try:
        _make_known(server)
    except OperationError as error:
        raise OperationError(
            f"{file} is restored, but not all agents can work with it yet: run this again. {error}"
        ) from None


def _make_known(server: Server) -> None:
    """Take out the other cluster's agents and tokens, and wait for this one's."""
    members = server.call("agent/members")
    for name in strangers(members, server.call("catalog/nodes"), server.call("health/state/any")):
        server.call("catalog/deregister", "PUT", {"Node": name})
    _renew_tokens(server)
    _await_agents(server, {member["Name"] for member in members if member["Status"] == _ALIVE})


def strangers(
    members: Iterable[Mapping[str, Any]], nodes: Iterable[Mapping[str, Any]], checks: Iterable[Mapping[str, Any]]
) -> list[str]:
    """The names of the nodes that are agents, but not of this cluster. Pure.

    Agents are what Consul itself checks; nodes that others registered stay.
    """
    own = {member["Tags"].get("id") for member in members}
    agents = {check["Node"] for check in checks if check["CheckID"] == "serfHealth"}
    return sorted(node["Node"] for node in nodes if node["Node"] in agents and node["ID"] not in own)


def _renew_tokens(server: Server) -> None:
    """Run the Job that makes the tokens once more; another cluster's management token goes before."""
    labels = server.naming.job_labels(server.naming.acl)
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    jobs = json.loads(server.kubectl("get", "jobs", f"--selector={selector}", "--output=json"))["items"]
    if not jobs:
        return
    own = server.call("acl/token/self")["AccessorID"]
    for token in server.call("acl/tokens"):
        if token["Description"] == _MANAGEMENT and token["AccessorID"] != own:
            server.call(f"acl/token/{token['AccessorID']}", "DELETE")
    for job in jobs:
        with tempfile.TemporaryFile() as stream:
            stream.write(json.dumps(anew(job)).encode())
            stream.seek(0)
            server.kubectl("replace", "--force", "--filename=-", stdin=stream)
        name = job["metadata"]["name"]
        server.kubectl("wait", "--for=condition=Complete", f"--timeout={_LIMIT_SECONDS}s", f"job/{name}")


def anew(job: Mapping[str, Any]) -> dict[str, Any]:
    """A Job as it was declared, so that it can run once more. Pure."""
    metadata, template = job["metadata"], job["spec"]["template"]
    labels = {
        key: value for key, value in template["metadata"]["labels"].items() if key.startswith("app.kubernetes.io/")
    }
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "metadata": {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if key in metadata},
        "spec": {
            "backoffLimit": job["spec"]["backoffLimit"],
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        },
    }


def _await_agents(server: Server, wanted: set[str]) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while missing := wanted - {node["Node"] for node in server.call("catalog/nodes")}:
        if time.monotonic() > deadline:
            names = ", ".join(sorted(missing))
            raise OperationError(f"After {_LIMIT_SECONDS} s the catalog still lacks {names}: look at their pods' logs")
        print(f"Waiting for {len(missing)} of {len(wanted)} agents to register: {', '.join(sorted(missing))}")
        time.sleep(5)
