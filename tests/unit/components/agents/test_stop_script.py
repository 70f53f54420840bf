"""The servers' preStop script, with a fake `consul` that logs its arguments, and a clock that takes no time."""

import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from components.kubernetes.scripts import read_script
from components.quorum import majority
from tests.support.autopilot import AUTOPILOT_HEADER, autopilot_server
from tests.support.scripts import fake_clock, write_program

SCRIPTS = Path(__file__).parents[4] / "components" / "agents" / "scripts"
TRANSFER = "management operator raft transfer-leader"


def stop(
    folder: Path, *, me: int, voters: int, dead: Collection[int] = (), leader: int = 0, transfer: str = ""
) -> tuple[list[str], int]:
    """Stop server `me`; return the calls other than reads, and how many seconds the script waited.

    `transfer` is what the transfer of leadership does, as shell code.
    """
    servers = [
        autopilot_server(server, "leader" if server == leader else "voter", healthy=server not in dead)
        for server in range(voters)
    ]
    write_state(folder, [*servers, autopilot_server(9, "non-voter")])
    return run(folder, me, f"cat {folder}/state", f"echo leader = {str(me == leader).lower()}", transfer)


def write_state(folder: Path, servers: list[str]) -> None:
    (folder / "state").write_text("".join([AUTOPILOT_HEADER, *servers]))


def run(folder: Path, me: int, state: str, info: str, transfer: str = "", answers: str = "") -> tuple[list[str], int]:
    """Stop server `me`; the other arguments are what each program does, as shell code."""
    write_program(folder, "curl", answers)
    calls = f'echo "$CONSUL_HTTP_TOKEN_FILE $*" >> {folder}/calls'
    program = f'case "$*" in *"autopilot state") {state};; info) {info} ;; *) {calls}; {transfer} ;; esac'
    write_program(folder, "consul", program)
    (folder / "calls").touch()
    (folder / "ticks").touch()
    fake_clock(folder)
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "POD_NAME": f"consul-{me}",
        "MANAGEMENT_TOKEN_FILE": "management",
    }
    script = read_script(SCRIPTS / "servers.sh", SCRIPTS / "stop.sh")
    result = subprocess.run(
        ["sh", "-c", script, "stop", "20", "10", "http://127.0.0.1:8500"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return (folder / "calls").read_text().splitlines(), (folder / "ticks").read_text().count("\n") - 1


def test_a_follower_stops_at_once(tmp_path: Path) -> None:
    assert stop(tmp_path, me=1, voters=3) == ([], 0)


def test_a_leader_hands_over(tmp_path: Path) -> None:
    assert stop(tmp_path, me=0, voters=3) == ([TRANSFER], 0)


def test_a_leader_tries_again_to_hand_over(tmp_path: Path) -> None:
    calls, waited = stop(tmp_path, me=0, voters=3, transfer=f"[ $(wc -l < {tmp_path}/calls) = 3 ]")
    assert calls == [TRANSFER] * 3
    assert waited < 10


def test_a_leader_that_cannot_hand_over_stops_in_the_end(tmp_path: Path) -> None:
    calls, waited = stop(tmp_path, me=0, voters=3, transfer="exit 1")
    assert set(calls) == {TRANSFER}
    assert waited >= 19


@pytest.mark.parametrize("dead", [{1}, {1, 2}])
def test_a_server_that_the_majority_needs_waits(tmp_path: Path, dead: set[int]) -> None:
    calls, waited = stop(tmp_path, me=0, voters=3, dead=dead)
    assert waited >= 19
    assert calls == [TRANSFER]


def test_a_server_that_is_itself_unhealthy_stops_at_once(tmp_path: Path) -> None:
    assert stop(tmp_path, me=2, voters=3, dead={2}) == ([], 0)


@pytest.mark.parametrize(("me", "voters"), [(0, 1), (9, 3)], ids=["single", "non-voter"])
def test_a_server_that_no_majority_needs_stops_at_once(tmp_path: Path, me: int, voters: int) -> None:
    assert stop(tmp_path, me=me, voters=voters) == ([], 0)


@pytest.mark.parametrize(("answers", "seconds"), [("", 10), ("exit 7", 0)], ids=["no leader", "no agent"])
def test_without_a_leader_it_stops_sooner(tmp_path: Path, answers: str, seconds: int) -> None:
    # Without a leader, a server that has restarted may not know the token.
    denied = "echo Permission denied >&2; exit 1"
    assert run(tmp_path, 1, "echo No cluster leader >&2; exit 1", denied, answers=answers) == ([], seconds)


def test_the_wait_for_an_election_begins_with_the_last_answer(tmp_path: Path) -> None:
    servers = [autopilot_server(n, "voter" if n else "leader", healthy=n == 0) for n in range(3)]
    write_state(tmp_path, servers)
    state = f"[ $(wc -l < {tmp_path}/ticks) -lt 8 ] && cat {tmp_path}/state"
    assert run(tmp_path, 0, state, "true") == ([], 16)


def test_a_leader_that_autopilot_does_not_know_yet_hands_over(tmp_path: Path) -> None:
    servers = [autopilot_server(server, "leader" if server == 1 else "voter") for server in range(3)]
    write_state(tmp_path, servers)
    assert run(tmp_path, 0, f"cat {tmp_path}/state", "echo leader = true") == ([TRANSFER], 0)


@pytest.mark.parametrize("voters", range(2, 8))
def test_it_waits_as_components_quorum_says(tmp_path: Path, voters: int) -> None:
    for dead in range(voters - 1):
        folder = tmp_path / str(dead)
        folder.mkdir()
        _, waited = stop(folder, me=0, voters=voters, dead=set(range(1, dead + 1)))
        assert (waited == 0) is (voters - 1 - dead >= majority(voters))
