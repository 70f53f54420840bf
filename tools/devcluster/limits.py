"""Limits of this machine that all clusters share."""

from pathlib import Path

from tools.devcluster.errors import DevclusterError

INOTIFY_CONTROL_PLANE = 11
INOTIFY_PER_NODE = 8
"""The inotify instances that the parts of a machine use."""

_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


def check_inotify(needed: int) -> None:
    """Raise DevclusterError if fewer than `needed` inotify instances are free: the parts would not start.

    Some machines allow only 128, enough for three clusters of three nodes. The devcluster does not change the limit.
    """
    allowed, used = int(_INOTIFY.read_text()), _used_inotify_instances()
    if used + needed > allowed:
        raise DevclusterError(
            f"The cluster needs {needed} more inotify instances; this machine allows {allowed}, and {used} are in use:"
            " delete another cluster, or raise the limit with `sysctl fs.inotify.max_user_instances=1024`"
        )


def _used_inotify_instances() -> int:
    """Return the number of instances of all users. The limit is per user, but nearly all belong to root."""
    return sum(_is_inotify(file) for file in Path("/proc").glob("[0-9]*/fd/*"))


def _is_inotify(file: Path) -> bool:
    try:
        return file.readlink().name == "anon_inode:inotify"
    except OSError:  # closed in the meantime
        return False
