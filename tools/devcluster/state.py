"""The folder with all files of a cluster."""

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

# Every machine mounts its own folders at these paths, so the files of a cluster must not be below them.
OVERLAID = (Path("/var/lib"), Path("/var/log"), Path("/run"), Path("/mnt"))

# The kernel allows 107 characters for the path of a Unix socket, including the file name.
_MAX_SOCKETS_PATH = 95


class Record(BaseModel):
    """What the first `up` and `set_feature_gates` decide, and later calls of `up` keep."""

    nodes: int
    api_port: int
    http_port: int
    https_port: int
    feature_gates: str = ""


@dataclass(frozen=True)
class State:
    """The files of one cluster."""

    folder: Path

    @property
    def tag(self) -> str:
        """Return a tag that is unique even for clusters of the same name in different folders."""
        return f"{self.folder.name}-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:6]}"

    @property
    def pki(self) -> Path:
        """Return the folder of certificates and keys."""
        return self.folder / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """Return the folder of the kubeconfigs of the cluster's parts."""
        return self.folder / "kubeconfigs"

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig, for use on this machine."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """Return the folder of the logs, one file a part."""
        return self.folder / "logs"

    @property
    def sockets(self) -> Path:
        """Return the folder of the Unix sockets into the cluster's network."""
        return self.folder / "sockets"

    @property
    def etcd(self) -> Path:
        """Return the folder of etcd's data."""
        return self.folder / "etcd"

    @property
    def images(self) -> Path:
        """Return the folder of the archives of the cluster's own container images."""
        return self.folder / "images"

    def machine(self, name: str) -> Path:
        """Return the folder of a machine's disk."""
        return self.folder / "machines" / name

    @property
    def _record(self) -> Path:
        return self.folder / "cluster.json"

    def read(self) -> Record | None:
        """Return the cluster's record, or None if there is no cluster."""
        return Record.model_validate_json(self._record.read_text()) if self._record.exists() else None

    def write(self, record: Record) -> None:
        """Write the record atomically."""
        draft = self._record.with_suffix(".new")
        draft.write_text(record.model_dump_json(indent=2))
        draft.replace(self._record)

    def create(self) -> None:
        """Create the folders, accessible to this user only. Raise DevclusterError if the path is not allowed."""
        for place in OVERLAID:
            if self.folder.is_relative_to(place):
                raise DevclusterError(
                    f"The state folder {self.folder} is in {place}, where every node mounts its own folder:"
                    " choose another folder with --state"
                )
        if len(str(self.sockets)) > _MAX_SOCKETS_PATH:
            raise DevclusterError(
                f"The path of the state folder {self.folder} is too long: choose another folder with --state"
            )
        folders = (self.pki, self.kubeconfigs, self.logs, self.sockets, self.etcd, self.images)
        for folder in (self.folder, *folders):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def remove(self) -> None:
        """Delete everything. The folder is renamed first, so `up` never finds a half-deleted cluster."""
        shutil.rmtree(self._doomed, ignore_errors=True)
        self.folder.rename(self._doomed)
        shutil.rmtree(self._doomed)

    @property
    def _doomed(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}.removed")

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold a lock, so that only one command at a time changes the cluster."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(folder)
            raise DevclusterError(f"Another devcluster command is changing {self.folder}: wait until it ends") from None
        try:
            yield
        finally:
            os.close(folder)


def default_state() -> Path:
    """Return the default folder for the clusters' folders."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "devcluster"
