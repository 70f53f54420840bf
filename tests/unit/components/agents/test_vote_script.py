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


INFO = """\
raft:
\tapplied_index = 7
\tcommit_index = {}
\tlast_log_index = 7
"""


@pytest.mark.parametrize(
    ("pod", "committed", "started"),
    [("consul-1", 7, True), ("consul-1", 0, False), ("consul-2", 7, False), ("consul-3", 7, False)],
)
def test_a_server_has_started_when_it_votes_and_gets_the_log(
    tmp_path: Path, pod: str, committed: int, started: bool
) -> None:
    (tmp_path / "info").write_text(INFO.format(committed))
    (tmp_path / "list-peers").write_text(PEERS)
    answer = f'for last; do :; done; echo "$CONSUL_HTTP_TOKEN_FILE $*" >> {tmp_path}/calls; cat "{tmp_path}/$last"'
    write_program(tmp_path, "consul", answer)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "POD_NAME": pod, "MANAGEMENT_TOKEN_FILE": "management"}
    result = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert (result.returncode == 0) is started
    calls = ["management info", "management operator raft list-peers"]
    assert (tmp_path / "calls").read_text().splitlines() == calls[: 2 if committed else 1]
