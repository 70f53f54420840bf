"""A snapshot of a cluster in a file."""

import hashlib
import os
from pathlib import Path

from operations.commands import OperationError
from operations.server import Server

_SAVED = "/tmp/saved.snap"  # noqa: S108 - in a volume of the pod's own


def save(server: Server, file: Path) -> None:
    """Save all that the cluster knows in a new file, which is there once all of it has arrived."""
    if file.exists():
        raise OperationError(f"{file} is there already: name a file that is not")
    partial = file.with_name(f"{file.name}.partial")
    server.run(f"rm -f {_SAVED}; consul snapshot save {_SAVED}")
    try:
        with open(partial, "wb", opener=_for_owner_alone) as stream:
            server.run(f"cat {_SAVED}", stdout=stream)
        sent = server.run(f"sha256sum < {_SAVED}; rm {_SAVED}").split()[0]
        with partial.open("rb") as stream:
            arrived = hashlib.file_digest(stream, "sha256").hexdigest()
        if arrived != sent:
            raise OperationError(f"{file} has not arrived as it was sent: try again")
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)


def _for_owner_alone(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
