"""The writes during a rotation, with a `kubectl` that runs the pod's scripts here, and a `curl` that stores files."""

import os
import signal
import time
from pathlib import Path

import pytest

from components.naming import Naming
from operations.commands import OperationError
from operations.rotation.writes import PREFIX, Writes, writing
from operations.server import Server
from tests.support.consul import wait_for
from tests.support.scripts import write_program

SERVER = Server(Naming("consul", "shop"))
PODS = ["consul-0", "consul-1"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which each key is a file; the file `arguments` beside it has those of `curl`."""
    store = tmp_path / "store"
    store.mkdir()
    write_program(
        tmp_path,
        "kubectl",
        f"""while [ "$1" != -- ]; do shift; done; shift; echo $$ >> {tmp_path}/started; exec "$@\"""",
    )
    write_program(
        tmp_path,
        "curl",
        f"""cat > {tmp_path}/input
echo "$*" >> {tmp_path}/arguments
for url in "$@"; do :; done
key=$(echo "${{url#*/v1/kv/}}" | tr / .)
case "$*" in
*DELETE*) rm {store}/* ;;
*) [ ! -e {tmp_path}/down ] && echo > {store}/$key ;;
esac""",
    )
    keys = f"ls {store} | tr . /"
    write_program(tmp_path, "consul", f'[ "$1 $2 $3" = "kv get -keys" ] && {keys}')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return store


def test_acknowledged_writes_are_counted_and_deleted_at_the_end(store: Path) -> None:
    with writing(SERVER, PODS) as writes:
        wait_for("five writes in each pod", lambda: all(sum(pod in key for key in writes.keys) >= 5 for pod in PODS))
    assert len(set(writes.keys)) == len(writes.keys)
    assert all(key.startswith(PREFIX) for key in writes.keys)
    assert 0.05 <= writes.longest_gap < 5
    assert list(store.iterdir()) == []
    assert PREFIX in (store.parent / "arguments").read_text()


def test_a_time_without_acknowledged_writes_is_measured(store: Path) -> None:
    with writing(SERVER, PODS) as writes:
        wait_for("a write", lambda: writes.keys)
        (store.parent / "down").touch()
        time.sleep(1)
        (store.parent / "down").unlink()
        before = len(writes.keys)
        wait_for("another write", lambda: len(writes.keys) > before)
    assert writes.longest_gap >= 0.9


def test_a_lost_write_is_an_error_and_the_others_are_kept(store: Path) -> None:
    def lose() -> None:
        with writing(SERVER, PODS) as writes:
            wait_for("a write", lambda: any("consul-0" in key for key in writes.keys))
            next(store.glob("*consul-0.1.1")).unlink()

    with pytest.raises(OperationError, match=r"1 of \d+ acknowledged writes are lost, the first of them .*/1/1\."):
        lose()
    assert list(store.iterdir())


def test_an_error_meanwhile_comes_first_and_leaves_no_key(store: Path) -> None:
    def fail() -> None:
        with writing(SERVER, PODS) as writes:
            wait_for("a write", lambda: writes.keys)
            raise OperationError("the update failed")

    with pytest.raises(OperationError, match="the update failed"):
        fail()
    assert list(store.iterdir()) == []


def test_a_server_that_accepts_no_write_is_an_error(store: Path) -> None:
    (store.parent / "down").touch()
    with pytest.raises(OperationError, match="accepted no write"), writing(SERVER, PODS):
        pass


def test_without_writes_there_is_no_gap() -> None:
    assert Writes().longest_gap == 0


def test_after_a_restart_of_the_pod_it_writes_again(store: Path) -> None:
    with writing(SERVER, PODS[:1]) as writes:
        wait_for("a write", lambda: writes.keys)
        os.kill(int((store.parent / "started").read_text()), signal.SIGKILL)
        wait_for("a write after the restart", lambda: any("/consul-0/2/" in key for key in writes.keys))
    assert list(store.iterdir()) == []
