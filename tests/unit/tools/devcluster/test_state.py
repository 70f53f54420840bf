"""The state folder, free ports, and waits."""

import socket
from pathlib import Path

import pytest

from tools.devcluster import ports
from tools.devcluster.errors import DevclusterError
from tools.devcluster.state import Record, State
from tools.devcluster.waiting import wait_for

RECORD = Record(nodes=3, api_port=1, http_port=2, https_port=3)


def test_a_record_is_read_back(tmp_path: Path) -> None:
    state = State(tmp_path / "dev")
    state.create()
    assert state.read() is None
    state.write(RECORD)
    assert state.read() == RECORD


def test_clusters_of_one_name_in_two_folders_have_different_tags() -> None:
    assert State(Path("/a/dev")).tag != State(Path("/b/dev")).tag


@pytest.mark.parametrize("folder", ["/var/lib/x", "/run/x", "/mnt/disk/x", "/home/" + 90 * "x"])
def test_a_folder_that_nodes_cannot_use_is_refused(folder: str) -> None:
    with pytest.raises(DevclusterError, match="--state"):
        State(Path(folder)).create()


def test_two_commands_do_not_change_a_cluster_at_the_same_time(tmp_path: Path) -> None:
    state = State(tmp_path)
    with state.locked(), pytest.raises(DevclusterError, match="Another devcluster command"), state.locked():
        pass
    with state.locked():
        pass


def test_a_used_port_is_skipped() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert ports.first_free(port) > port
        with pytest.raises(DevclusterError, match=f"Another program uses.*{port}"):
            ports.check_free(port)


def test_a_timeout_reports_what_was_awaited_and_last_seen() -> None:
    with pytest.raises(DevclusterError, match="Waited 0 s for rain; last seen: sun"):
        wait_for("rain", lambda: "sun", limit=0, interval=0)


def test_a_wait_ends_when_nothing_is_missing() -> None:
    seen = iter(["clouds", "drops", None])
    said: list[str] = []
    wait_for("rain", lambda: next(seen), limit=5, say=said.append, interval=0)
    assert said == ["clouds", "drops"]
