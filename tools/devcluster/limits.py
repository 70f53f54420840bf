"""Limits of this machine that all clusters share."""

from pathlib import Path

from tools.devcluster.errors import DevclusterError
from tools.devcluster.fleet import Fleet

_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_INOTIFY_PER_NODE = 8
_INOTIFY_CONTROL_PLANE = 11


def check_inotify(fleet: Fleet) -> None:
    """Raise DevclusterError if there are too few inotify instances for the parts to start.

    Some machines allow only 128, enough for three clusters of three nodes. The devcluster does not change the limit.
    """
    needed = sum(
        _INOTIFY_CONTROL_PLANE if machine is fleet.control_plane else _INOTIFY_PER_NODE
        for machine, parts in fleet.everything()
        if machine is not fleet.gateway and any(machine.process(part) is None for part in parts)
    )
    allowed, used = int(_INOTIFY.read_text()), _inotify_instances()
    if used + needed > allowed:
        raise DevclusterError(
            f"The cluster needs {needed} more inotify instances; this machine allows {allowed}, and {used} are in use:"
            " delete another cluster, or raise the limit with `sysctl fs.inotify.max_user_instances=1024`"
        )


def _inotify_instances() -> int:
    """Return the number of instances of all users. The limit is per user, but nearly all belong to root."""
    return sum(_is_inotify(file) for file in Path("/proc").glob("[0-9]*/fd/*"))


def _is_inotify(file: Path) -> bool:
    try:
        return file.readlink().name == "anon_inode:inotify"
    except OSError:  # closed in the meantime
        return False
