"""The servers' startup probe, with a fake `consul`."""

import subprocess
from pathlib import Path

import pytest

from tests.support.scripts import write_program

SCRIPT = Path(__file__).parents[4] / "components" / "agents" / "scripts" / "vote.sh"
PEERS = """\
Node       ID  Address        State     Voter  RaftProtocol
consul-1   b   10.0.0.2:8300  leader    true   3
consul-10  c   10.0.0.3:8300  follower  true   3
consul-2   d   10.0.0.4:8300  follower  false  3
"""


@pytest.mark.parametrize(("pod", "votes"), [("consul-1", True), ("consul-2", False), ("consul-3", False)])
def test_a_server_has_started_when_it_votes(tmp_path: Path, pod: str, votes: bool) -> None:
    (tmp_path / "peers").write_text(PEERS)
    write_program(tmp_path, "consul", f'echo "$CONSUL_HTTP_TOKEN_FILE $*" >> {tmp_path}/calls; cat {tmp_path}/peers')
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "POD_NAME": pod, "MANAGEMENT_TOKEN_FILE": "management"}
    result = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert (result.returncode == 0) is votes
    assert (tmp_path / "calls").read_text() == "management operator raft list-peers\n"
