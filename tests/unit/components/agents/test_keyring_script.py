"""Which gossip keys an agent starts with."""

import json
import subprocess
from pathlib import Path

import pytest

from components.kubernetes.scripts import read_script
from tests.support.scripts import DECLARED, keyring_environment

SCRIPT = Path(__file__).parents[4] / "components" / "agents" / "scripts" / "keyring.sh"
# As an agent writes it.
OWN = '[\n  "key of the agent"\n]'


def start(folder: Path) -> Path:
    """Run the script as at a container's start, and return the agent's file."""
    environment = {"PATH": "/usr/bin:/bin", **keyring_environment(folder)}
    subprocess.run(["sh", "-uc", f"{read_script(SCRIPT)}copy_keyring"], env=environment, check=True)
    return Path(environment["AGENT_KEYRING"])


def test_a_new_pod_has_the_keys_of_the_secret(tmp_path: Path) -> None:
    file = start(tmp_path)
    assert file.read_text() == DECLARED
    # The agent writes the file, and nobody else can read it.
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_new_pod_of_a_server_replaces_the_keys_on_its_volume(tmp_path: Path) -> None:
    (tmp_path / "data" / "serf").mkdir(parents=True)
    (tmp_path / "data" / "serf" / "local.keyring").write_text(OWN)
    assert start(tmp_path).read_text() == DECLARED


def test_a_container_that_restarts_keeps_the_agents_keys(tmp_path: Path) -> None:
    start(tmp_path).write_text(OWN)
    assert start(tmp_path).read_text() == OWN


@pytest.mark.parametrize("damaged", ["", "[", OWN[:-1]])
def test_a_damaged_file_is_replaced(tmp_path: Path, damaged: str) -> None:
    start(tmp_path).write_text(damaged)
    assert start(tmp_path).read_text() == DECLARED


def test_a_new_pod_with_a_full_disk_can_start_with_the_keys_that_it_has(tmp_path: Path) -> None:
    file = start(tmp_path)
    (tmp_path / "keyring-copied").unlink()
    file.write_text(json.dumps(json.loads(DECLARED), indent=2))
    inode = file.stat().st_ino
    start(tmp_path)
    assert file.stat().st_ino == inode


def test_without_a_secret_no_agent_starts(tmp_path: Path) -> None:
    keyring_environment(tmp_path)
    environment = {"PATH": "/usr/bin:/bin", **keyring_environment(tmp_path), "KEYRING": str(tmp_path / "missing")}
    result = subprocess.run(
        ["sh", "-uc", f"{read_script(SCRIPT)}copy_keyring"], env=environment, check=False, capture_output=True
    )
    assert result.returncode != 0
    assert not (tmp_path / "keyring-copied").exists()
