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
\tapplied_index = 0
\tcommit_index = {}
\tlast_log_index = 7
"""


# What `consul` does, as shell code; the last argument is `info` or `list-peers`.
CONSUL = """
for last; do :; done
echo "$CONSUL_HTTP_TOKEN_FILE $last" >> {folder}/calls
cat "{folder}/$last" && {then}
"""


def probe(folder: Path, pod: str, committed: int, then: str = "true", node_id: str = "b") -> bool:
    """Run the probe; `then` is shell code that may let `consul` fail. Return whether the server has started."""
    (folder / "node-id").write_text(node_id)
    (folder / "info").write_text(INFO.format(committed))
    (folder / "list-peers").write_text(PEERS)
    write_program(folder, "consul", CONSUL.format(folder=folder, then=then))
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "POD_NAME": pod,
        "MANAGEMENT_TOKEN_FILE": "management",
        "VOTER_FILE": str(folder / "voter"),
        "NODE_ID_FILE": str(folder / "node-id"),
    }
    result = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert (folder / "voter").exists() is (result.returncode == 0)
    return result.returncode == 0


def calls(folder: Path) -> list[str]:
    """Return the token's file and the last argument of each call of `consul`."""
    return (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize(
    ("pod", "node_id", "votes"),
    [
        ("consul-1", "b", True),
        ("consul-2", "d", False),
        ("consul-3", "e", False),
        # Raft still lists the server whose lost volume this one replaces.
        ("consul-1", "new", False),
    ],
)
def test_a_server_has_started_when_it_votes(tmp_path: Path, pod: str, node_id: str, votes: bool) -> None:
    assert probe(tmp_path, pod, committed=7, node_id=node_id) is votes
    assert calls(tmp_path) == ["management info", "management list-peers"]


def test_a_server_has_not_started_before_the_leader_sends_it_the_log(tmp_path: Path) -> None:
    assert not probe(tmp_path, "consul-1", committed=0)
    assert calls(tmp_path) == ["management info"]


@pytest.mark.parametrize(
    ("fails", "started"),
    [
        # The agent knows no token, and the leader has no ACLs.
        ('[ "$last" != info ]', True),
        # The agent knows no token, and the leader denies calls without one.
        ('[ "$last" != info ] && [ "$CONSUL_HTTP_TOKEN_FILE" ]', False),
    ],
)
def test_while_acls_are_enabled_the_agent_knows_no_token(tmp_path: Path, fails: str, started: bool) -> None:
    assert probe(tmp_path, "consul-1", committed=0, then=fails) is started
    assert calls(tmp_path)[:2] == ["management info", " list-peers"]
