"""The one folder that holds everything a cluster keeps on disk."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from tools.devcluster.errors import DevclusterError

# Every machine sees folders of its own at these places, so nothing it needs may lie below them.
OVERLAID = (Path("/var/lib"), Path("/var/log"), Path("/run"), Path("/mnt"))

# The kernel takes 107 characters for a Unix socket's path, file name included.
_LONGEST_SOCKETS_PATH = 95


class Record(BaseModel):
    """What the first `up` decides and later ones keep."""

    nodes: int
    api_port: int
    http_port: int
    https_port: int


@dataclass(frozen=True)
class State:
    """Where the files of one cluster are."""

    folder: Path

    @property
    def tag(self) -> str:
        """Tells clusters of one name in different folders apart."""
        return f"{self.folder.name}-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:6]}"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.folder / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """Kubeconfigs of the cluster's own parts."""
        return self.folder / "kubeconfigs"

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig of the cluster's administrator, for use on this machine."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One file per part."""
        return self.folder / "logs"

    @property
    def sockets(self) -> Path:
        """Unix sockets that lead into the cluster's network."""
        return self.folder / "sockets"

    @property
    def etcd(self) -> Path:
        """The data of etcd."""
        return self.folder / "etcd"

    @property
    def images(self) -> Path:
        """Archives of the cluster's own container images."""
        return self.folder / "images"

    def machine(self, name: str) -> Path:
        """The disk of a machine."""
        return self.folder / "machines" / name

    @property
    def _record(self) -> Path:
        return self.folder / "cluster.json"

    def read(self) -> Record | None:
        """The cluster's record, or None where there is no cluster yet."""
        return Record.model_validate_json(self._record.read_text()) if self._record.exists() else None

    def write(self, record: Record) -> None:
        """Keep a record; a reader never sees half of it."""
        draft = self._record.with_suffix(".new")
        draft.write_text(record.model_dump_json(indent=2))
        draft.replace(self._record)

    def create(self) -> None:
        """Make the folders, private to this user."""
        for place in OVERLAID:
            if self.folder.is_relative_to(place):
                raise DevclusterError(
                    f"the state folder {self.folder} lies in {place}, which every node replaces by its own:"
                    " choose another with --state"
                )
        if len(str(self.sockets)) > _LONGEST_SOCKETS_PATH:
            raise DevclusterError(f"the state folder {self.folder} has too long a path: choose another with --state")
        folders = (self.pki, self.kubeconfigs, self.logs, self.sockets, self.etcd, self.images)
        for folder in (self.folder, *folders):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def remove(self) -> None:
        """Delete everything; an interrupted removal leaves nothing that the next `up` could take for a cluster."""
        shutil.rmtree(self._doomed, ignore_errors=True)
        self.folder.rename(self._doomed)
        shutil.rmtree(self._doomed)

    @property
    def _doomed(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}.removed")

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep two commands from changing the cluster at the same time."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(folder)
            raise DevclusterError(
                f"another devcluster command is at work on {self.folder}: wait for it to end"
            ) from None
        try:
            yield
        finally:
            os.close(folder)


def default_state() -> Path:
    """The folder that holds the clusters' folders, where none was chosen."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "devcluster"
