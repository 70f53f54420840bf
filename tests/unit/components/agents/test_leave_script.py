"""The servers' preStop script, with a fake `consul` and `curl` that log their arguments."""

import json
import subprocess
from pathlib import Path

import pytest

from components.quorum import tolerated_losses

SCRIPT = Path(__file__).parents[4] / "components" / "agents" / "scripts" / "leave.sh"
SECRET = "5ec4e700-0000-4000-8000-000000000000"  # noqa: S105 - a made-up token


def run(
    folder: Path, me: int, ending: set[int], voters: int, *, leader: int | None = 0, failing: str = "none"
) -> list[str]:
    """What of `consul` is called as server `me`, after list-peers; calls that the shell pattern `failing` matches fail.

    `ending` are the servers that have said that they are about to end, `me` among them.
    """
    sessions = [{"ID": "x", "Name": f"ends:consul-{server}", "Node": f"consul-{server}"} for server in ending]
    (folder / "sessions").write_text(json.dumps([{"ID": "y", "Name": "somebody's", "Node": "consul-0"}, *sessions]))
    # Not sorted by name, as after restarts.
    peers = [
        f"consul-{server} id-{server} 10.0.0.{server}:8300 {'leader' if server == leader else 'follower'} true 3 9 -"
        for server in reversed(range(voters))
    ]
    new = "consul-9 id-9 10.0.0.9:8300 follower false 3 9 -"
    (folder / "peers").write_text("\n".join(["Node ID Address State Voter RaftProtocol", *peers, new, ""]))
    (folder / "calls").touch()
    for name in ("consul", "curl", "sleep"):
        program = folder / name
        program.write_text(
            f'#!/bin/sh\necho "{name} $*" >> {folder}/calls\n[ {name} != curl ] || cat >> {folder}/headers\n'
            f'case "$*" in {failing}) echo "no such call" >&2; exit 22;; esac\n'
            f'case "$*" in *session/list) cat {folder}/sessions;; *list-peers) cat {folder}/peers;; esac\n'
        )
        program.chmod(0o755)
    (folder / "token").write_text(SECRET)
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "POD_NAME": f"consul-{me}",
        "CONSUL_HTTP_TOKEN_FILE": str(folder / "token"),
    }
    result = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    calls = (folder / "calls").read_text()
    assert SECRET not in calls + result.stdout + result.stderr
    return [call for call in calls.splitlines() if call.startswith("consul") and "list-peers" not in call]


@pytest.mark.parametrize(
    ("ending", "voters"), [({1}, 3), ({1, 2}, 5), ({1, 2, 3}, 7), ({1}, 4)], ids=lambda value: str(value)
)
def test_a_server_leaves_if_a_majority_stays(tmp_path: Path, ending: set[int], voters: int) -> None:
    assert run(tmp_path, 1, ending, voters) == ["consul leave"]


@pytest.mark.parametrize(
    ("ending", "voters"), [({1, 2}, 3), ({0, 1, 2}, 3), ({1}, 2), ({1, 2, 3}, 5)], ids=lambda value: str(value)
)
def test_a_server_only_stops_if_no_majority_would_stay(tmp_path: Path, ending: set[int], voters: int) -> None:
    assert run(tmp_path, 1, ending, voters) == []


def test_a_single_server_leaves_without_a_transfer(tmp_path: Path) -> None:
    assert run(tmp_path, 0, {0}, 1) == ["consul leave"]


@pytest.mark.parametrize(("me", "ending", "successor"), [(4, {4}, 0), (4, {0, 4}, 1), (0, {0}, 1)])
def test_a_leader_transfers_to_the_first_that_stays(tmp_path: Path, me: int, ending: set[int], successor: int) -> None:
    handed_over = f"consul operator raft transfer-leader -id=id-{successor}"
    assert run(tmp_path, me, ending, 5, leader=me) == [handed_over, "consul leave"]


@pytest.mark.parametrize("failing", ["*session/create", "*session/list", "*list-peers", "*transfer-leader*"])
def test_a_server_that_gets_no_answer_only_stops(tmp_path: Path, failing: str) -> None:
    assert "consul leave" not in run(tmp_path, 0, {0}, 3, leader=0, failing=failing)


def test_the_token_is_only_in_a_header(tmp_path: Path) -> None:
    run(tmp_path, 1, {1}, 3)
    assert set((tmp_path / "headers").read_text().split("X-Consul-Token: ")) == {"", SECRET}


@pytest.mark.parametrize("voters", range(1, 10))
def test_the_script_leaves_as_components_quorum_says(voters: int) -> None:
    (condition,) = (line for line in SCRIPT.read_text().splitlines() if line.startswith('[ "$voters" = 1 ] ||'))
    loop = f"for count in $(seq {voters}); do ending=$(seq $count); ({condition}; echo $count); done"
    result = subprocess.run(
        ["sh", "-c", loop],
        env={"PATH": "/usr/bin:/bin", "voters": str(voters)},
        capture_output=True,
        text=True,
        check=False,
    )
    # A single voter always leaves: there is no quorum to keep.
    leaving = [1] if voters == 1 else list(range(1, tolerated_losses(voters) + 1))
    assert result.stdout.split() == [str(count) for count in leaving], result.stderr
