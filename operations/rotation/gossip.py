"""Rotate the gossip key: one `pulumi up` for each step of the setting `gossipKeys`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from components.agents.agent_config import CA_CERTIFICATE, OWN_URL, TLS_DIR
from components.changes.refusals import gossip_fingerprint_name
from components.identity import PROJECT
from components.kubernetes.scripts import read_script
from components.settings.value_types import Generations
from operations.commands import OperationError, run, run_in_terminal
from operations.rotation.writes import writing
from operations.server import Server
from operations.state import RecordedCluster, cluster_of

_SETTING = f"{PROJECT}:gossipKeys"

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


@dataclass(frozen=True)
class Target:
    """A cluster of a stack; `options` are those of each `pulumi` command, and `yes` is whether not to ask."""

    stack: str
    options: Sequence[str]
    yes: bool
    component: str | None
    namespace: str | None

    def cluster(self) -> RecordedCluster:
        """Return the cluster as the stack's state has it now."""
        return cluster_of(self.stack, self.component, self.namespace)

    def pulumi(self, *arguments: str) -> list[str]:
        """Return a Pulumi command on the stack."""
        return ["pulumi", *arguments, "--stack", self.stack, *self.options]


def steps(current: Sequence[int], confirmed: Sequence[int]) -> Iterator[list[int]]:
    """Yield the values of `gossipKeys` that are still to come, each for one update. Pure.

    `current` is the setting now, and `confirmed` is what the last successful update confirmed of every member. If they
    differ, an update was interrupted, so `current` comes first. A larger number is the newer key. From one key, which
    every member has, a rotation begins.

    Raises OperationError if `current` would bring back an older key, or takes the first step back.
    """
    first, *others = current
    if max(current) < max(confirmed) or any(each < max(confirmed) and each not in confirmed for each in current):
        raise OperationError(
            f"{_SETTING} is {list(current)}, but the members have {list(confirmed)}: the settings file may "
            f"be older than the stack. Run pulumi config set {_SETTING} '{list(confirmed)}' first"
        )
    if list(current) != list(confirmed):
        yield [*current]
        if not others:
            return
    (second,) = others or [first + 1]
    if not others:
        yield [first, second]
    if second > first:
        yield [second, first]
    yield [max(first, second)]


def rotate_gossip(target: Target, server: Server) -> str:
    """Rotate the gossip key, or finish a rotation that was interrupted; return a summary of the writes meanwhile.

    Raises OperationError if a step fails. The same command goes on from there.
    """
    cluster = target.cluster()
    confirmed = cluster.gossip_keys
    current = _setting(target, confirmed)
    coming = list(steps(current, confirmed))
    with writing(server) as writes:
        for number, generations in enumerate(coming, 1):
            print(f"Step {number} of {len(coming)}: gossipKeys is {generations}", flush=True)
            cluster = _update(target, generations, current)
        print(_proof(target, cluster, server), flush=True)
    return (
        f"{len(writes.numbers)} writes were acknowledged meanwhile, and none is lost. "
        f"The longest time without one was {writes.longest_gap:.2f} s"
    )


def _setting(target: Target, confirmed: list[int]) -> list[int]:
    """Return the setting `gossipKeys` of the stack or the default of its project; `confirmed` if there is neither."""
    config: dict[str, Mapping[str, Any]] = json.loads(run(target.pulumi("config", "--json")))
    value = config.get(_SETTING, {}).get("value", json.dumps(confirmed))
    try:
        return list(TypeAdapter[tuple[int, ...]](Generations).validate_json(value))
    except ValidationError:
        raise OperationError(f"{_SETTING} = {value} cannot be used; see docs/settings.md") from None


def _update(target: Target, generations: list[int], before: list[int]) -> RecordedCluster:
    """Take one step: set `gossipKeys`, run `pulumi up`, and check in the state that every member has confirmed it.

    Returns the cluster in the state after the update.
    """
    run(target.pulumi("config", "set", _SETTING, json.dumps(generations)))
    run_in_terminal(target.pulumi("up", *(["--yes"] if target.yes else [])))
    cluster = target.cluster()
    if cluster.gossip_keys != generations:
        run(target.pulumi("config", "set", _SETTING, json.dumps(before)))
        raise OperationError(
            f"pulumi up did not change the gossip keys to {generations}: the program of this stack does not read "
            f"the setting {_SETTING}. Change gossipKeys in the program, one step at a time (docs/operations.md, Rotate "
            "the gossip key)"
        )
    return cluster


def _proof(target: Target, cluster: RecordedCluster, server: Server) -> str:
    """Return what proves the end of a rotation. Raises OperationError if the members do not have exactly its key."""
    (generation,) = cluster.gossip_keys
    wanted = cluster.record[gossip_fingerprint_name(generation)]
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
