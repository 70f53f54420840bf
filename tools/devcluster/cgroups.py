"""Control groups: where a cluster's processes are counted, found and ended.

Every process of a cluster is in a group below `/devcluster/<cluster>` from its first instruction on. So the kernel
itself, and no file that could be stale, says what runs: a process that merely got a reused number is never taken for
ours.
"""

import os
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.devcluster.errors import DevclusterError
from tools.devcluster.waiting import wait_for

ROOT = "devcluster"

# The controllers that kubelet and containerd want to find in a version 2 group.
_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")


@dataclass(frozen=True)
class _Hierarchies:
    """Where the trees of groups are mounted: one per version 1 controller, or a single one of version 2, or both."""

    legacy: dict[str, Path]
    unified: Path | None

    @property
    def all(self) -> list[Path]:
        """Every tree."""
        return [*self.legacy.values(), *([self.unified] if self.unified else [])]

    @property
    def tracker(self) -> Path:
        """The one whose membership is believed; they all agree."""
        return self.legacy.get("pids") or self.all[0]


@cache
def _hierarchies() -> _Hierarchies:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    legacy = {Path(where).name: Path(where) for _, where, kind, *_ in mounts if kind == "cgroup"}
    unified = next((Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"), None)
    if not legacy and not unified:
        raise DevclusterError("no cgroups are mounted at /sys/fs/cgroup: mount them, or use another machine")
    return _Hierarchies(legacy, unified)


@dataclass(frozen=True)
class Cgroup:
    """A group of the same path in every hierarchy; `path` has no leading slash."""

    path: str

    def __truediv__(self, name: str) -> "Cgroup":
        """The group of that name inside this one."""
        return Cgroup(f"{self.path}/{name}")

    @property
    def folders(self) -> list[Path]:
        """Its folder in each hierarchy."""
        return [mount / self.path for mount in _hierarchies().all]

    def create(self) -> None:
        """Make the group, ready to take processes."""
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
        """`command`, run so that it is in the group before it does anything else."""
        files = [str(folder / "cgroup.procs") for folder in self.folders]
        script = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 1; shift; done; shift; exec "$@"'
        return ["sh", "-c", script, "sh", *files, "--", *command]

    def processes(self) -> list[int]:
        """Ids of the processes in this very group."""
        return _processes(_hierarchies().tracker / self.path)

    def all_processes(self) -> list[int]:
        """Ids of the processes in this group and in all below it."""
        return [pid for folder, *_ in os.walk(_hierarchies().tracker / self.path) for pid in _processes(Path(folder))]

    def find(self, name: str) -> "Cgroup | None":
        """The group of that name anywhere below this one, such as the container runtime makes for a container."""
        tracker = _hierarchies().tracker
        for folder, names, _ in os.walk(tracker / self.path):
            if name in names:
                return Cgroup(str((Path(folder) / name).relative_to(tracker)))
        return None

    def kill(self, limit: float = 30) -> None:
        """SIGKILL everything in the group and below, and wait until it is gone."""

        def survivors() -> str | None:
            left = self.all_processes()
            for pid in left:
                send(pid, signal.SIGKILL)
            return f"processes {left}" if left else None

        wait_for(f"the end of all processes in cgroup /{self.path}", survivors, limit)

    def remove(self) -> None:
        """Remove the group, empty of processes, and all below it."""
        for top in self.folders:
            for folder, *_ in os.walk(top, topdown=False):
                Path(folder).rmdir()

    @property
    def exists(self) -> bool:
        """Whether any hierarchy has the group."""
        return any(folder.exists() for folder in self.folders)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def remove_root() -> None:
    """Remove the group above all clusters, unless a cluster is in it."""
    for tree in _hierarchies().all:
        root = tree / ROOT
        if root.exists() and not any(child.is_dir() for child in root.iterdir()):
            root.rmdir()


def _processes(folder: Path) -> list[int]:
    try:
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    except OSError:  # the group is gone, or went while it was read
        return []


def _inherit_cpuset(folder: Path) -> None:
    """A version 1 cpuset starts empty, and takes no process before it has processors and memory."""
    for setting in ("cpuset.cpus", "cpuset.mems"):
        value = (folder.parent / setting).read_text()
        if value != (folder / setting).read_text():
            (folder / setting).write_text(value)


def _delegate(folder: Path) -> None:
    """Let the groups inside a version 2 group limit what they use."""
    offered = (folder / "cgroup.controllers").read_text().split()
    (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in _CONTROLLERS if name in offered))
