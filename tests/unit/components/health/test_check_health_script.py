"""The health check's script, with a fake `consul`."""

import subprocess
from pathlib import Path

import pytest

from tests.support.scripts import fake_clock, write_program

SCRIPT = Path(__file__).parents[4] / "components" / "health" / "scripts" / "check_health.sh"

MEMBERS = """\
Node             Address        Status  Type    Build   Protocol  DC   Partition  Segment
consul-0         10.0.0.1:8301  alive   server  1.22.6  2         dc1  default    <all>
consul-1         10.0.0.2:8301  alive   server  1.22.6  2         dc1  default    <all>
consul-2         10.0.0.3:8301  alive   server  1.22.6  2         dc1  default    <all>
consul-client-0  10.0.0.4:8301  alive   client  1.22.6  2         dc1  default    <default>
gone             10.0.0.5:8301  left    client  1.22.6  2         dc1  default    <default>
"""
PEERS = """\
Node      ID  Address        State     Voter  RaftProtocol  Commit Index  Trails Leader By
consul-0  a   10.0.0.1:8300  follower  true   3             20            0 commits
consul-1  b   10.0.0.2:8300  leader    true   3             20            -
consul-2  c   10.0.0.3:8300  follower  true   3             20            0 commits
"""


def check(folder: Path, members: str, peers: str, code: int = 0) -> tuple[int, str]:
    """Return the script's exit code and output, after three seconds on a fake clock."""
    (folder / "members").write_text(members)
    (folder / "peers").write_text(peers)
    write_program(
        folder,
        "consul",
        f"""case "$1 $2" in
members*) cat {folder}/members; exit {code} ;;
*raft) cat {folder}/peers ;;
*autopilot) echo "$*" > {folder}/autopilot ;;
esac""",
    )
    fake_clock(folder)
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "MEMBERS": "server:consul-0 server:consul-1 server:consul-2 client:consul-client-0",
        "SERVERS": "consul-0 consul-1 consul-2",
        "TIMEOUT": "3",
    }
    result = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    return result.returncode, result.stdout


def test_a_cluster_that_matches_the_declaration_is_healthy(tmp_path: Path) -> None:
    code, said = check(tmp_path, MEMBERS, PEERS)
    assert code == 0
    assert "healthy" in said
    set_config = "operator autopilot set-config -min-quorum=3 -server-stabilization-time=10s\n"
    assert (tmp_path / "autopilot").read_text() == set_config


@pytest.mark.parametrize(
    ("members", "peers", "complaint"),
    [
        (MEMBERS.replace("alive   client", "failed  client"), PEERS, "client:consul-client-0 is not alive"),
        (MEMBERS.replace("left ", "alive"), PEERS, "client:gone is not expected"),
        (MEMBERS, PEERS.replace("leader  ", "follower"), "Raft has no leader"),
        (
            MEMBERS,
            PEERS.replace("follower  true   3             20            0", "follower  false  3  20  0", 1),
            "vote",
        ),
        (MEMBERS, PEERS + PEERS.splitlines()[1].replace("consul-0", "consul-9"), "Raft's peers are not"),
        (MEMBERS, PEERS.rpartition("consul-2")[0], "server:consul-2 is not a voter"),
        ("", PEERS, "server:consul-0 is not alive"),
    ],
)
def test_each_difference_is_named(tmp_path: Path, members: str, peers: str, complaint: str) -> None:
    code, said = check(tmp_path, members, peers)
    assert code == 1
    assert complaint in said


def test_an_unreachable_api_is_named(tmp_path: Path) -> None:
    code, said = check(tmp_path, "Error retrieving members: connection refused", PEERS, code=1)
    assert code == 1
    assert "connection refused" in said
