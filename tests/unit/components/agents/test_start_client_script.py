"""The clients' command, with a fake `consul` and `curl`, and a clock that takes no time."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from components.kubernetes.scripts import read_script
from tests.support.consul import wait_for
from tests.support.scripts import fake_clock, keyring_environment, write_program

SCRIPTS = Path(__file__).parents[4] / "components" / "agents" / "scripts"
SCRIPT = read_script(SCRIPTS / "keyring.sh", SCRIPTS / "start_client.sh")
SERVERS = "https://consul-ui.consul.svc:8501"
OPTIONS = "--silent --show-error --fail-with-body --max-time 3 --cacert ca.pem --header @-"
QUESTION = f"{OPTIONS} {SERVERS}/v1/catalog/service/consul"
JOIN_URL = "http://127.0.0.1:8500/v1/agent/join/consul.consul.svc"
JOINING = f"--silent --max-time 90 --header @- --request PUT {JOIN_URL}"

# Make `sleep 20` fail, which ends the loop of joins before its first join.
NO_JOINS = "[ $1 != 20 ] || exit 1"


def start(folder: Path, answer: str, sleep: str = NO_JOINS, header: str = "", agent: str = "") -> subprocess.Popen[str]:
    """Start a client; `answer`, `sleep` and `agent` are what `curl`, `sleep` and `consul` do, as shell code.

    In `answer`, $asked counts the calls of `curl` and `consul` so far.
    """
    (folder / "calls").touch()
    write_program(folder, "consul", f"echo $* >> {folder}/calls\n{agent}")
    log = f"cat > {folder}/header; echo $* >> {folder}/calls"
    write_program(folder, "curl", f"{log}\nasked=$(wc -l < {folder}/calls)\n{answer}")
    fake_clock(folder)
    write_program(folder, "sleep", sleep)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "SERVERS": SERVERS, "JOIN_URL": JOIN_URL, "CA_FILE": "ca.pem"}
    environment |= keyring_environment(folder)
    if header:
        (folder / "token").write_text(header)
        environment["CONSUL_HTTP_TOKEN_FILE"] = str(folder / "token")
    command = ["sh", "-c", SCRIPT, "start", "-bind=10.0.0.1", "-client=127.0.0.1 10.0.0.1"]
    # In a process group of its own, as in a container: the script may stop the whole group.
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def output(process: subprocess.Popen[str], seconds: float = 30) -> str:
    """Wait for the end of the agent and of the loop beside it, and return what they printed."""
    try:
        return process.communicate(timeout=seconds)[0]
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Kill what is left of a client, if anything is."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


AGENT = "agent -bind=10.0.0.1 -client=127.0.0.1 10.0.0.1"


def test_the_agent_starts_at_once_if_a_server_answers(tmp_path: Path) -> None:
    printed = output(start(tmp_path, "exit 0", sleep=f"{NO_JOINS}; exec /bin/sleep 60"))
    assert printed == ""
    assert calls(tmp_path) == [QUESTION, AGENT]


def test_it_sends_its_token_in_a_header(tmp_path: Path) -> None:
    output(start(tmp_path, "exit 0", header="a-secret"))
    assert (tmp_path / "header").read_text() == "X-Consul-Token: a-secret\n"
    assert calls(tmp_path) == [QUESTION, AGENT]


def test_the_agent_starts_when_a_server_answers(tmp_path: Path) -> None:
    printed = output(start(tmp_path, "[ $asked -gt 4 ] || { echo refused; exit 1; }"))
    assert printed == f"Waiting for a server at {SERVERS}: refused\n"
    assert calls(tmp_path) == [*[QUESTION] * 5, AGENT]


def test_every_30_seconds_it_prints_what_it_last_saw(tmp_path: Path) -> None:
    answers = "case $asked in 1) echo refused ;; [2-9] | [1-4]?) echo forbidden ;; 6?) exit 0 ;; esac; exit 1"
    printed = output(start(tmp_path, answers), 60)
    seen = [line.rpartition(": ")[2] for line in printed.splitlines()]
    assert seen == ["refused", "forbidden"]


@pytest.mark.parametrize("answer", ["echo refused; exit 1", "exec /bin/sleep 60"], ids=["refused", "no answer"])
def test_it_stops_at_once_while_it_waits(tmp_path: Path, answer: str) -> None:
    process = start(tmp_path, answer, sleep="exec /bin/sleep 60")
    wait_for("question", lambda: calls(tmp_path))
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(timeout=2) == 143
    finally:
        end(process)
    assert AGENT not in calls(tmp_path)


@pytest.mark.parametrize("answer", ["", "echo failed to join", "exit 7"], ids=["joined", "no server", "no agent"])
def test_the_agent_joins_the_servers_again_and_again(tmp_path: Path, answer: str) -> None:
    (tmp_path / "sleeps").touch()
    sleep = f"echo $1 >> {tmp_path}/sleeps; [ $(grep -c PUT {tmp_path}/calls) != 3 ]"
    curl = f"case $* in *PUT*) {answer} ;; esac"
    agent = f"trap 'echo stopped >> {tmp_path}/calls' TERM\n"
    agent += f"until [ $(wc -l < {tmp_path}/sleeps) = 4 ]; do /bin/sleep 0.05; done"
    printed = output(start(tmp_path, curl, sleep, header="a-secret", agent=agent))
    assert printed == ""
    assert sorted(calls(tmp_path)) == sorted([QUESTION, AGENT, *[JOINING] * 3])
    assert (tmp_path / "sleeps").read_text().split() == ["20"] * 4
    assert (tmp_path / "header").read_text() == "X-Consul-Token: a-secret\n"


def test_an_agent_whose_gossip_has_ended_is_stopped(tmp_path: Path) -> None:
    said = "Serf can't Join after Leave or Shutdown"
    sleep = f"echo $1 >> {tmp_path}/sleeps; until [ -e {tmp_path}/ready ]; do /bin/sleep 0.05; done"
    curl = f'case $* in *PUT*) echo "{said}" ;; esac'
    agent = f"trap 'echo stopped >> {tmp_path}/calls; exit' TERM\ntouch {tmp_path}/ready\nwhile :; do :; done"
    printed = output(start(tmp_path, curl, sleep, agent=agent))
    assert printed == f"This client is no longer a member of the cluster. Stopping its agent: {said}\n"
    assert calls(tmp_path) == [QUESTION, AGENT, JOINING, "stopped"]
    assert (tmp_path / "sleeps").read_text().split() == ["20", "15"]
