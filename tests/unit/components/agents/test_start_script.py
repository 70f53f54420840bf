"""The clients' command, with a fake `consul` and `curl`, and a clock that takes no time."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from components.kubernetes.scripts import read_script
from tests.support.scripts import fake_clock, write_program

SCRIPT = Path(__file__).parents[4] / "components" / "agents" / "scripts" / "start.sh"
SERVERS = "https://consul-ui.consul.svc:8501"
OPTIONS = "--silent --show-error --fail-with-body --max-time 3 --cacert ca.pem --header @-"
QUESTION = f"{OPTIONS} {SERVERS}/v1/catalog/service/consul"


def start(folder: Path, answer: str, sleep: str = "", header: str = "") -> subprocess.Popen[str]:
    """Start a client; `answer` is what `curl` does, as shell code in which $asked counts the questions."""
    (folder / "calls").touch()
    write_program(folder, "consul", f"echo $* >> {folder}/calls")
    log = f"cat > {folder}/header; echo $* >> {folder}/calls"
    write_program(folder, "curl", f"{log}\nasked=$(wc -l < {folder}/calls)\n{answer}")
    fake_clock(folder)
    write_program(folder, "sleep", sleep)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "SERVERS": SERVERS, "CA_FILE": "ca.pem"}
    if header:
        (folder / "token").write_text(header)
        environment["CONSUL_HTTP_TOKEN_FILE"] = str(folder / "token")
    command = ["sh", "-c", read_script(SCRIPT), "start", "-bind=10.0.0.1", "-client=127.0.0.1 10.0.0.1"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


AGENT = "agent -bind=10.0.0.1 -client=127.0.0.1 10.0.0.1"


def test_the_agent_starts_at_once_if_a_server_answers(tmp_path: Path) -> None:
    printed, _ = start(tmp_path, "exit 0", sleep="exec /bin/sleep 60").communicate(timeout=30)
    assert printed == ""
    assert calls(tmp_path) == [QUESTION, AGENT]


def test_it_sends_its_token_in_a_header(tmp_path: Path) -> None:
    start(tmp_path, "exit 0", header="a-secret").communicate(timeout=30)
    assert (tmp_path / "header").read_text() == "X-Consul-Token: a-secret\n"
    assert calls(tmp_path) == [QUESTION, AGENT]


def test_the_agent_starts_when_a_server_answers(tmp_path: Path) -> None:
    printed, _ = start(tmp_path, "[ $asked -gt 4 ] || { echo refused; exit 1; }").communicate(timeout=30)
    assert printed == f"Waiting for a server at {SERVERS}: refused\n"
    assert calls(tmp_path) == [*[QUESTION] * 5, AGENT]


def test_every_30_seconds_it_prints_what_it_last_saw(tmp_path: Path) -> None:
    answers = "case $asked in 1) echo refused ;; [2-9] | [1-4]?) echo forbidden ;; 6?) exit 0 ;; esac; exit 1"
    printed, _ = start(tmp_path, answers).communicate(timeout=60)
    seen = [line.rpartition(": ")[2] for line in printed.splitlines()]
    assert seen == ["refused", "forbidden"]


@pytest.mark.parametrize("answer", ["echo refused; exit 1", "exec /bin/sleep 60"], ids=["refused", "no answer"])
def test_it_stops_at_once_while_it_waits(tmp_path: Path, answer: str) -> None:
    process = start(tmp_path, answer, sleep="exec /bin/sleep 60")
    deadline = time.monotonic() + 30
    while not calls(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=2) == 143
    assert AGENT not in calls(tmp_path)
