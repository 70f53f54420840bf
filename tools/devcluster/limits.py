"""Limits of this machine that all clusters on it share."""

from pathlib import Path

from tools.devcluster.errors import DevclusterError
from tools.devcluster.fleet import Fleet

_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_INOTIFY_PER_NODE = 8
_INOTIFY_CONTROL_PLANE = 11


def check_inotify(fleet: Fleet) -> None:
    """Raise DevclusterError where the kubelets to be started could not watch their files.

    Some machines allow only 128 watchers, enough for three clusters of three nodes, and the cluster leaves that alone.
    """
    needed = sum(
        _INOTIFY_CONTROL_PLANE if machine is fleet.control_plane else _INOTIFY_PER_NODE
        for machine, parts in fleet.everything()
        if machine is not fleet.gateway and any(machine.process(part) is None for part in parts)
    )
    allowed, used = int(_INOTIFY.read_text()), _inotify_instances()
    if used + needed > allowed:
        raise DevclusterError(
            f"the cluster needs {needed} inotify instances more; this machine allows {allowed}, and {used} are in use:"
            " take down another cluster, or allow more with `sysctl fs.inotify.max_user_instances=1024`"
        )


def _inotify_instances() -> int:
    """How many there are now; the limit is per user, and root has nearly all."""
    return sum(_is_inotify(file) for file in Path("/proc").glob("[0-9]*/fd/*"))


def _is_inotify(file: Path) -> bool:
    try:
        return file.readlink().name == "anon_inode:inotify"
    except OSError:  # closed meanwhile
        return False
