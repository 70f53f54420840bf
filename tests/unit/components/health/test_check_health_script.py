"""The health check's script, with a fake `consul`."""

import subprocess
from pathlib import Path

import pytest

from components.kubernetes.scripts import read_script
from tests.support.scripts import fake_clock, write_program

SCRIPTS = Path(__file__).parents[4] / "components" / "health" / "scripts"
# The gossip keys are those declared.
ROTATED = "rotate() { :; }\n"
SCRIPT = ROTATED + read_script(SCRIPTS / "expired.sh", SCRIPTS / "certificates.sh", SCRIPTS / "check_health.sh")

VALIDITY = {
    "SERVER": "start date: Nov  9 20:38:04 2026 GMT\nexpire date: Nov  9 20:38:04 2027 GMT",
    "CLIENT": "start date: Nov  9 20:38:05 2026 GMT\nexpire date: Nov  9 20:38:05 2027 GMT",
}
OTHER = "start date: Nov 9 20:38:04 2025 GMT"

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


def check(folder: Path, members: str, peers: str, code: int = 0, curl: str = "") -> tuple[int, str]:
    """Return the script's exit code and output, after three seconds on a fake clock.

    All agents serve their current certificates, unless the script `curl`, with the address in $at, says otherwise.
    """
    write_program(
        folder,
        "curl",
        f"""for at in "$@"; do :; done; echo "$at" >> {folder}/asked
{curl}
case $at in *client*) echo '{VALIDITY["CLIENT"]}' ;; *) echo '{VALIDITY["SERVER"]}' ;; esac | sed 's/^/*  /' >&2""",
    )
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
        "RELOAD_TIMEOUT": "30",
        "CONSUL_CACERT": "/tls/ca.pem",
    }
    for role, ports in (("SERVER", "8501 8503 8300"), ("CLIENT", "8501 8503")):
        environment[f"{role}_VALIDITY"] = VALIDITY[role]
        environment |= {f"{role}_SERVICE": f"{role.lower()}s.here.svc", f"{role}_PORTS": ports}
    result = subprocess.run(["sh", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
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


def test_every_agent_must_serve_its_current_certificate_at_every_port(tmp_path: Path) -> None:
    code, said = check(tmp_path, MEMBERS, PEERS)
    assert code == 0, said
    servers = {f"https://consul-{n}.servers.here.svc:{port}/" for n in range(3) for port in (8501, 8503, 8300)}
    clients = {f"https://consul-client-0.clients.here.svc:{port}/" for port in (8501, 8503)}
    assert set((tmp_path / "asked").read_text().split()) == servers | clients


@pytest.mark.parametrize(
    ("curl", "complaint"),
    [
        (f"case $at in *-1.*:8300*) echo '*  {OTHER}' >&2; exit ;; esac", f"another certificate, {OTHER}"),
        ("case $at in *-1.*:8300*) echo 'curl: (28) timed out' >&2; exit 28 ;; esac", "curl: (28) timed out"),
    ],
    ids=["another certificate", "no certificate"],
)
def test_an_agent_that_does_not_serve_its_current_certificate_is_named(
    tmp_path: Path, curl: str, complaint: str
) -> None:
    code, said = check(tmp_path, MEMBERS, PEERS, curl=curl)
    assert code == 1
    assert said == (
        f"Not every agent serves its current certificate after 30 s:\nconsul-1.servers.here.svc:8300: {complaint}\n"
    )


def test_at_most_five_addresses_are_named(tmp_path: Path) -> None:
    code, said = check(tmp_path, MEMBERS, PEERS, curl=f"echo '*  {OTHER}' >&2; exit")
    assert code == 1
    assert said.count(".svc:") == 5


def test_an_unreachable_api_is_named(tmp_path: Path) -> None:
    code, said = check(tmp_path, "Error retrieving members: connection refused", PEERS, code=1)
    assert code == 1
    assert "connection refused" in said
