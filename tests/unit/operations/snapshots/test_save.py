"""A snapshot arrives in a file complete, or not at all."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import pytest

from components.naming import Naming
from operations.commands import OperationError
from operations.server import Server
from operations.snapshots.save import save

DATA = b"all data"


@dataclass(frozen=True)
class FakeServer(Server):
    """A server whose snapshot is DATA; `checksum` is what the pod computes."""

    checksum: str = hashlib.sha256(DATA).hexdigest()

    def leader(self) -> Self:
        """Return this server."""
        return self

    def run(self, script: str, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """Answer the three scripts of `save`."""
        assert (arguments, stdin) == ((), None)
        if stdout:
            stdout.write(DATA)
        return f"{self.checksum}  -\n" if script.startswith("sha256sum") else ""


SERVER = FakeServer(Naming("consul", "shop"))


def test_a_snapshot_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "a.snap"
    save(SERVER, file)
    assert file.read_bytes() == DATA
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_differs_from_the_snapshot_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=r"a\.snap was not received as it was sent"):
        save(FakeServer(Naming("consul", "shop"), checksum="another"), tmp_path / "a.snap")
    assert not list(tmp_path.iterdir())


def test_a_directory_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="missing is not a directory"):
        save(SERVER, tmp_path / "missing" / "a.snap")


def test_a_link_that_points_to_nothing_is_kept(tmp_path: Path) -> None:
    link = tmp_path / "a.snap"
    link.symlink_to("elsewhere.snap")
    with pytest.raises(OperationError, match=r"a\.snap exists already"):
        save(SERVER, link)


def test_a_name_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=r"Cannot write .*: File name too long"):
        save(SERVER, tmp_path / ("a" * 300))


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.snap.partial" / "full").mkdir(parents=True)
    with pytest.raises(OperationError, match=r"Cannot write .*a\.snap: Is a directory"):
        save(SERVER, tmp_path / "a.snap")
