"""Save a snapshot of a cluster in a file."""

import hashlib
import os
from pathlib import Path

from operations.commands import OperationError
from operations.server import Server

_SAVED = "/tmp/saved.snap"  # noqa: S108 - a volume that only this pod mounts


def save(server: Server, file: Path) -> None:
    """Save all data of a cluster in a new file, which appears only when it is complete.

    Raises OperationError if the file already exists, cannot be written, or differs from the snapshot in the pod.
    """
    try:
        if file.exists() or file.is_symlink():
            raise OperationError(f"{file} exists already: name a file that does not exist")
        if not file.parent.is_dir():
            raise OperationError(f"{file.parent} is not a directory: create it, or name a file in another directory")
        _save(server, file)
    except OSError as error:
        raise OperationError(f"Cannot write {file}: {error.strerror}") from None


def _save(server: Server, file: Path) -> None:
    """Take a snapshot in the leader's pod, copy it to the file, and delete it in the pod."""
    # Another server asks the leader for the snapshot, and the leader may end the connection before all has arrived:
    # https://github.com/hashicorp/consul/issues/6893. This was so for 3 of 100 snapshots.
    server = server.leader()
    partial = file.with_name(f"{file.name}.partial")
    try:
        with open(partial, "wb", opener=_readable_by_owner) as stream:
            server.run(f"rm -f {_SAVED}; consul snapshot save {_SAVED}")
            server.run(f"cat {_SAVED}", stdout=stream)
        sent = server.run(f"sha256sum < {_SAVED}; rm {_SAVED}").split()[0]
        with partial.open("rb") as stream:
            received = hashlib.file_digest(stream, "sha256").hexdigest()
        if received != sent:
            raise OperationError(f"{file} was not received as it was sent and is not kept: run the command again")
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)


def _readable_by_owner(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
