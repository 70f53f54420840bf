"""The servers' command, with a fake `consul` and `curl`."""

import subprocess
from pathlib import Path

import pytest

from components.kubernetes.scripts import read_script
from tests.support.consul import wait_for
from tests.support.scripts import keyring_environment, write_program

SCRIPTS = Path(__file__).parents[4] / "components" / "agents" / "scripts"
SCRIPT = read_script(SCRIPTS / "keyring.sh", SCRIPTS / "start_server.sh")
LEADER, NO_LEADER = '"10.96.0.7:8300"', '""'


def start(folder: Path, answers: list[str]) -> subprocess.Popen[str]:
    """Start a server; `answers` are those of `curl`, the last one for good."""
    (folder / "calls").touch()
    for number, answer in enumerate(answers):
        (folder / f"answer-{number + 1}").write_text(answer)
    write_program(folder, "consul", f"echo consul $* >> {folder}/calls")
    question = f"echo curl $* >> {folder}/calls\nasked=$(wc -l < {folder}/calls)\n"
    last = f"[ $asked -lt {len(answers)} ] || asked={len(answers)}\ncat {folder}/answer-$asked"
    write_program(folder, "curl", question + last)
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "SERVERS": "https://consul-ui.consul.svc:8501",
        "CA_FILE": "ca.pem",
        "VOTER_FILE": str(folder / "voter"),
        "FORMED_FILE": str(folder / "formed"),
        **keyring_environment(folder),
    }
    command = ["sh", "-c", SCRIPT, "start", "-bind=10.0.0.1", "-client=127.0.0.1 10.0.0.1"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


AGENT = "consul agent -bind=10.0.0.1 -client=127.0.0.1 10.0.0.1"
QUESTION = "curl --silent --fail --max-time 3 --cacert ca.pem https://consul-ui.consul.svc:8501/v1/status/leader"


@pytest.mark.parametrize("files", [(), ("voter",), ("formed", "voter")])
def test_a_server_with_data_or_of_a_new_cluster_starts_at_once(tmp_path: Path, files: tuple[str, ...]) -> None:
    for file in files:
        (tmp_path / file).touch()
    assert start(tmp_path, [NO_LEADER]).communicate(timeout=10)[0] == ""
    assert (tmp_path / "calls").read_text().splitlines() == [AGENT]


def test_a_server_without_data_waits_for_a_leader(tmp_path: Path) -> None:
    (tmp_path / "formed").touch()
    printed, _ = start(tmp_path, ["", NO_LEADER, LEADER]).communicate(timeout=10)
    assert (tmp_path / "calls").read_text().splitlines() == [QUESTION] * 3 + [AGENT]
    assert printed.count("This server has no data") == 1


def test_a_server_that_waits_stops_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "formed").touch()
    process = start(tmp_path, [NO_LEADER])
    wait_for("question", (tmp_path / "calls").read_text)
    process.terminate()
    assert process.wait(timeout=5) == 143
    assert AGENT not in (tmp_path / "calls").read_text()


def test_a_server_that_waits_starts_when_the_cluster_may_start_anew(tmp_path: Path) -> None:
    formed = tmp_path / "formed"
    formed.touch()
    process = start(tmp_path, [NO_LEADER])
    wait_for("question", (tmp_path / "calls").read_text)
    formed.unlink()
    process.communicate(timeout=10)
    assert (tmp_path / "calls").read_text().splitlines()[-1] == AGENT
