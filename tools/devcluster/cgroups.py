"""Control groups, in which a cluster's processes are found and killed.

Every process of a cluster is in a cgroup below `/devcluster/<cluster>` from its first instruction. The kernel therefore
knows what runs, and no file can be outdated: a reused process ID is never taken for a process of the cluster.
"""

import os
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.devcluster.errors import DevclusterError
from tools.devcluster.waiting import wait_for

ROOT = "devcluster"

# The controllers that kubelet and containerd need in a version 2 cgroup.
_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")


@dataclass(frozen=True)
class _Hierarchies:
    """The mounted cgroup trees: one for each version 1 controller, or one of version 2, or both."""

    legacy: dict[str, Path]
    unified: Path | None

    @property
    def all(self) -> list[Path]:
        """Return all trees."""
        return [*self.legacy.values(), *([self.unified] if self.unified else [])]

    @property
    def tracker(self) -> Path:
        """Return the tree from which processes are read. All trees have the same processes."""
        return self.legacy.get("pids") or self.all[0]


@cache
def _hierarchies() -> _Hierarchies:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    legacy = {Path(where).name: Path(where) for _, where, kind, *_ in mounts if kind == "cgroup"}
    unified = next((Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"), None)
    if not legacy and not unified:
        raise DevclusterError("No cgroups are mounted at /sys/fs/cgroup: mount them, or use another machine")
    return _Hierarchies(legacy, unified)


def is_version_2() -> bool:
    """Return whether this machine has only a cgroup tree of version 2."""
    return not _hierarchies().legacy


@dataclass(frozen=True)
class Cgroup:
    """A cgroup with the same path in every tree; `path` has no leading slash."""

    path: str

    def __truediv__(self, name: str) -> "Cgroup":
        """Return the cgroup of that name inside this one."""
        return Cgroup(f"{self.path}/{name}")

    @property
    def folders(self) -> list[Path]:
        """Return the cgroup's folder in each tree."""
        return [mount / self.path for mount in _hierarchies().all]

    def create(self) -> None:
        """Create the cgroup, ready for processes."""
        trees = _hierarchies()
        parts = Path(self.path).parts
        for tree in trees.all:
            for depth in range(1, len(parts) + 1):
                folder = tree.joinpath(*parts[:depth])
                if not trees.legacy:
                    _delegate(folder.parent)
                folder.mkdir(exist_ok=True)
                if tree == trees.legacy.get("cpuset"):
                    _inherit_cpuset(folder)

    def joining(self, command: list[str]) -> list[str]:
        """Return a command that first joins the cgroup, then runs `command`."""
        files = [str(folder / "cgroup.procs") for folder in self.folders]
        script = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 1; shift; done; shift; exec "$@"'
        return ["sh", "-c", script, "sh", *files, "--", *command]

    def processes(self) -> list[int]:
        """Return the IDs of the processes in this cgroup, without those below it."""
        return _processes(_hierarchies().tracker / self.path)

    def all_processes(self) -> list[int]:
        """Return the IDs of the processes in this cgroup and all below it."""
        return [pid for folder, *_ in os.walk(_hierarchies().tracker / self.path) for pid in _processes(Path(folder))]

    def find(self, name: str) -> "Cgroup | None":
        """Return the cgroup of that name below this one, such as one of a container, or None."""
        tracker = _hierarchies().tracker
        for folder, names, _ in os.walk(tracker / self.path):
            if name in names:
                return Cgroup(str((Path(folder) / name).relative_to(tracker)))
        return None

    def squeeze_memory(self) -> None:
        """Lower the memory limit to what the processes need at this moment, so that the kernel soon kills one."""
        trees = _hierarchies()
        if trees.unified and "memory" not in trees.legacy:
            (trees.unified / self.path / "memory.max").write_text("1")
            return
        folder = trees.legacy["memory"] / self.path
        try:
            (folder / "memory.limit_in_bytes").write_text("1")
        except OSError:  # EBUSY: the kernel has freed what it could
            (folder / "memory.limit_in_bytes").write_text((folder / "memory.usage_in_bytes").read_text())

    def kill(self, limit: float = 30) -> None:
        """Send SIGKILL to all processes in the cgroup and below, and wait until they have exited."""

        def survivors() -> str | None:
            left = self.all_processes()
            for pid in left:
                send(pid, signal.SIGKILL)
            return f"processes {left}" if left else None

        wait_for(f"the end of all processes in cgroup /{self.path}", survivors, limit)

    def remove(self) -> None:
        """Remove the cgroup and all below it. They must have no processes."""
        for top in self.folders:
            for folder, *_ in os.walk(top, topdown=False):
                Path(folder).rmdir()

    @property
    def exists(self) -> bool:
        """Return whether any tree has the cgroup."""
        return any(folder.exists() for folder in self.folders)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, which may have exited."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def remove_root() -> None:
    """Remove the cgroup above all clusters if there is no cluster."""
    for tree in _hierarchies().all:
        root = tree / ROOT
        if root.exists() and not any(child.is_dir() for child in root.iterdir()):
            root.rmdir()


def _processes(folder: Path) -> list[int]:
    try:
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    except OSError:  # the cgroup was removed, perhaps during the read
        return []


def _inherit_cpuset(folder: Path) -> None:
    """Copy processors and memory nodes from the parent: a new version 1 cpuset has none, and accepts no process."""
    for setting in ("cpuset.cpus", "cpuset.mems"):
        value = (folder.parent / setting).read_text()
        if value != (folder / setting).read_text():
            (folder / setting).write_text(value)


def _delegate(folder: Path) -> None:
    """Enable the controllers for the cgroups inside a version 2 cgroup."""
    offered = (folder / "cgroup.controllers").read_text().split()
    (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in _CONTROLLERS if name in offered))
