"""The servers' liveness probe, with a fake `curl`."""

import os
import subprocess
import time
from pathlib import Path
from signal import SIGTERM

import pytest

from components.kubernetes.scripts import read_script
from tests.support.scripts import CLOCK_START, write_program

SCRIPT = Path(__file__).parents[4] / "components" / "agents" / "scripts" / "alive.sh"
URL = "http://127.0.0.1:8500"
FILE_BYTES = 64 * 1024 * 1024
ALIVE = (0, "", False)

# The beginning of raft-wal's files, https://github.com/hashicorp/raft-wal/blob/v0.4.1/segment/format.go
HEADER = 0x58EB6B0D.to_bytes(4, "little")


def probe(folder: Path, answer: str = "exit 0") -> tuple[int, str, bool]:
    """Run the probe in a container that started at CLOCK_START; `answer` is what `curl` does.

    Return the exit code, the output, and whether the agent was ended.
    """
    write_program(folder, "curl", f"echo $* >> {folder}/calls\n{answer}")
    started = folder / "termination-log"
    started.touch()
    os.utime(started, (CLOCK_START, CLOCK_START))
    with subprocess.Popen(["sleep", "60"]) as agent:
        result = subprocess.run(
            ["sh", "-c", read_script(SCRIPT), "alive", URL, folder / "wal", started, str(agent.pid)],
            env={"PATH": f"{folder}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        agent.kill()
    assert result.stderr == ""
    return result.returncode, result.stdout, agent.returncode == -SIGTERM


def log_file(folder: Path, name: str, *, header: bytes, size: int, seconds: int = 20) -> None:
    """Create a file of the log, this many seconds after the start of the container."""
    log = folder / "wal"
    log.mkdir(exist_ok=True)
    file = log / name
    file.write_bytes(header)
    os.truncate(file, size)
    for changed in (file, log):
        os.utime(changed, (CLOCK_START + seconds, CLOCK_START + seconds))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a folder with a log of one complete file."""
    log_file(tmp_path, "1.wal", header=HEADER, size=FILE_BYTES)
    return tmp_path


def test_a_server_is_alive_while_it_answers(log: Path) -> None:
    assert probe(log) == ALIVE
    assert (log / "calls").read_text() == f"--silent --fail --max-time 4 --output /dev/null {URL}/v1/status/leader\n"


def test_a_server_that_does_not_answer_is_not_alive(log: Path) -> None:
    assert probe(log, answer="exit 28") == (1, "The agent does not answer\n", False)


# XFS keeps nothing of a file for which there is not enough space, ext4 as much as there was.
@pytest.mark.parametrize("size", [0, FILE_BYTES // 8])
def test_a_log_that_could_not_grow_needs_a_restart(log: Path, size: int) -> None:
    log_file(log, "2.wal", header=b"", size=size)
    said = f"The disk was full when Consul created {log}/wal/2.wal. The server restarts.\n"
    assert probe(log) == (1, said, True)


@pytest.mark.parametrize(("age", "ended"), [(0, False), (4, True)])
def test_a_file_gets_its_size_within_3_s(log: Path, age: int, ended: bool) -> None:
    log_file(log, "2.wal", header=b"", size=0)
    written = time.time() - age
    os.utime(log / "wal" / "2.wal", (written, written))
    assert probe(log)[2] is ended


@pytest.mark.parametrize(
    ("header", "size", "seconds"),
    [
        pytest.param(b"", 0, -20, id="of an earlier agent"),
        pytest.param(b"", FILE_BYTES, 20, id="new and complete"),
        pytest.param(HEADER, FILE_BYTES // 8, 20, id="in use"),
    ],
)
def test_other_files_need_no_restart(log: Path, header: bytes, size: int, seconds: int) -> None:
    log_file(log, "2.wal", header=header, size=size, seconds=seconds)
    assert probe(log) == ALIVE


def test_an_agent_that_cannot_fill_an_earlier_one_s_file_is_alive(log: Path) -> None:
    # A write for which there is no space changes the file's time.
    log_file(log, "2.wal", header=b"", size=0, seconds=-20)
    os.utime(log / "wal" / "2.wal", (CLOCK_START + 20, CLOCK_START + 20))
    assert probe(log) == ALIVE


def test_a_server_without_the_log_s_directory_is_alive(tmp_path: Path) -> None:
    assert probe(tmp_path) == ALIVE
