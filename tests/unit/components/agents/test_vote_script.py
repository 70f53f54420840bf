"""The servers' startup probe, with a fake `consul` and `curl`."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[4] / "components" / "agents" / "scripts" / "vote.sh"
PEERS = """\
Node       ID  Address        State     Voter  RaftProtocol
consul-1   b   10.0.0.2:8300  leader    true   3
consul-10  c   10.0.0.3:8300  follower  true   3
consul-2   d   10.0.0.4:8300  follower  false  3
"""


def probe(folder: Path, pod: str, leader: str) -> tuple[int, list[str]]:
    """Return the probe's exit code and the calls of `consul`, each with the token file that it used."""
    (folder / "peers").write_text(PEERS)
    (folder / "curl").write_text(f"#!/bin/sh\necho '\"{leader}\"'\n")
    (folder / "consul").write_text(
        f'#!/bin/sh\necho "$CONSUL_HTTP_TOKEN_FILE $*" >> {folder}/calls\n'
        f'case "$*" in *list-peers) cat {folder}/peers;; esac\n'
    )
    for name in ("curl", "consul"):
        (folder / name).chmod(0o755)
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "POD_NAME": pod,
        "SERVERS": "consul.here.svc",
        "CONSUL_HTTP_TOKEN_FILE": "own",
        "RECOVERY_TOKEN_FILE": "recovery",
    }
    result = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    return result.returncode, (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize(("pod", "votes"), [("consul-1", True), ("consul-2", False), ("consul-3", False)])
def test_a_server_has_started_when_it_votes(tmp_path: Path, pod: str, votes: bool) -> None:
    code, calls = probe(tmp_path, pod, "10.0.0.2:8300")
    assert (code == 0) is votes
    assert calls == ["own operator raft list-peers"]


def test_without_a_leader_it_joins_the_others_again(tmp_path: Path) -> None:
    assert probe(tmp_path, "consul-1", "") == (1, ["recovery join consul.here.svc"])
