"""`make doctor`: what this machine lacks for `make up`, and how to get it.

`make up` runs it before anything is installed, so it uses the standard library only.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator

from tools import toolchain
from tools.commands import run
from tools.devcluster import limits, plan, ports
from tools.devcluster.cgroups import ROOT, Cgroup, is_version_2
from tools.devcluster.programs import check_host
from tools.errors import ToolError
from tools.toolchain import apt, cache, golang, parts

GIB = 2**30
BUILD_DISK_GIB = 12
"""What the first build needs at most at one time (docs/toolchain.md)."""
CLUSTER_DISK_GIB = 3
"""What the local Kubernetes with the stack dev needs."""
MEMORY_GIB = 5.5
"""The first `make up` takes 5.1 GiB of 24, and less of fewer: then the compilers collect their garbage. A machine that
is sold with 6 GB reports less."""

_CREATE_NODE = """
ip link add devcluster0 type bridge
ip link add devcluster1 type veth peer name devcluster2
mount -t tmpfs tmpfs /mnt
mkdir /mnt/lower /mnt/upper /mnt/work /mnt/merged
mount -t overlay overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work /mnt/merged
"""

Check = tuple[str, Callable[[], str]]
"""A name, and a function that returns what was found, or raises ToolError with what to do."""


def checks(own_cluster: bool) -> Iterator[Check]:
    """Yield the checks for `make up`; with `own_cluster`, for `make up CLUSTER=current`."""
    yield "Python", _python
    engine = toolchain.engine_parts()
    if own_cluster:
        yield "kubectl", _kubectl
        if engine:
            yield "Go", golang.version
            yield "disk", lambda: _disk(engine, 0)
        return
    yield "Go", golang.version
    yield "packages", _apt
    yield "root and kernel", _host
    yield "cgroups", _cgroups
    running = _runs_a_cluster()
    if not running:
        yield "inotify", _inotify
        yield "ports", _ports
        yield "memory", _memory
    yield "disk", lambda: _disk(toolchain.cluster_parts() + engine, 0 if running else CLUSTER_DISK_GIB)


def _python() -> str:
    if importlib.util.find_spec("ensurepip") is None:
        raise ToolError("python3 cannot create virtual environments: apt-get install python3-venv")
    return ".".join(map(str, sys.version_info[:3]))


def _kubectl() -> str:
    if found := shutil.which("kubectl"):
        return found
    raise ToolError("`kubectl` was not found on the PATH: https://kubernetes.io/docs/tasks/tools/")


def _apt() -> str:
    apt.check()
    return "apt"


def _host() -> str:
    """Create the namespaces, devices and mounts of a node, which disappear with the process."""
    check_host()
    command = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--net", "--fork", "sh", "-e", "-c", _CREATE_NODE]
    run(command, what="creating namespaces, a bridge, veth devices and an overlay (a container must be privileged)")
    return "namespaces, bridge, veth, overlay"


def _cgroups() -> str:
    if is_version_2():
        return "version 2, on which the local Kubernetes has never been run"
    return "version 1"


def _runs_a_cluster() -> bool:
    try:
        return Cgroup(ROOT).exists
    except ToolError:  # there are no cgroups, as another check says
        return False


def _inotify() -> str:
    needed = limits.INOTIFY_CONTROL_PLANE + plan.DEFAULT_NODES * limits.INOTIFY_PER_NODE
    limits.check_inotify(needed)
    return f"{needed} instances are free"


def _ports() -> str:
    found = [ports.first_free(first) for first in (ports.FIRST_API, ports.FIRST_HTTP, ports.FIRST_HTTPS)]
    return f"{', '.join(map(str, found))} are free for a new cluster"


def _memory() -> str:
    advice = "use another machine, or your own cluster (make up CLUSTER=current)"
    return _enough("memory", golang.MEMORY_BYTES, MEMORY_GIB, advice)


def _disk(needed: tuple[parts.Part, ...], extra_gib: int) -> str:
    """Check the space for a first build. One that was interrupted has used some of it already."""
    folder = cache.root()
    place = next(each for each in (folder, *folder.parents) if each.exists())
    go_parts = [part for part in needed if isinstance(part, parts.GoPart)]
    first = not golang.caches().exists() and not any(part.built for part in go_parts)
    advice = "free some, or set $CONSUL_CLUSTER_CACHE to a folder on another disk"
    needed_gib = (BUILD_DISK_GIB if first else 0) + extra_gib
    return _enough(f"free disk at {place}", shutil.disk_usage(place).free, needed_gib, advice)


def _enough(what: str, there: int, needed_gib: float, advice: str) -> str:
    if there < needed_gib * GIB:
        raise ToolError(f"there are only {there / GIB:.1f} GiB of {what}, and {needed_gib} GiB are needed: {advice}")
    return f"{there / GIB:.0f} GiB"


def main() -> int:
    """Run the checks and print the results; with --quiet, only what is missing. Return 1 if something is."""
    parser = argparse.ArgumentParser(prog="doctor", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--own-cluster", action="store_true", help="for `make up CLUSTER=current`")
    parser.add_argument("--quiet", action="store_true", help="print only what is missing")
    arguments = parser.parse_args()
    missing: set[str] = set()
    for name, check in checks(arguments.own_cluster):
        try:
            found = check()
        except (ToolError, OSError) as error:
            if str(error) not in missing:  # without Go, the parts cannot be found either
                print(f"✗ {name}: {error}", file=sys.stderr)
            missing.add(str(error))
        else:
            if not arguments.quiet:
                print(f"✓ {name}: {found}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
