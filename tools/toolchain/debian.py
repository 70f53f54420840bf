"""Programs of Debian packages, unpacked into the cache and nowhere else.

`apt-get install` would start an etcd and a containerd, and would take the place
of the containerd a user's Docker came with. Unpacked, they disturb nothing. Of
the two kinds of iptables this is the legacy one: it speaks to the kernel in the
matches and targets themselves (NFQUEUE, conntrack, statistic, ...), where the
other translates what it can into nft expressions, which a kernel may lack. The
C library and runc's libseccomp are there wherever there is apt, which needs them;
what else socat needs (OpenSSL, libnsl) comes with Debian's Python.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import IO

from tools.toolchain import apt
from tools.toolchain.parts import HERE, DebianPart
from tools.toolchain.progress import Task

_LEGACY = {
    f"{family}{action}": f"{family}-legacy{action}"
    for family in ("iptables", "ip6tables")
    for action in ("", "-save", "-restore")
}

_NEED_LIBRARIES = (*_LEGACY.values(), "conntrack", "ipset", "socat")

_PLACES = ("usr/bin", "usr/sbin", "bin", "sbin")


async def make(part: DebianPart, to: Path, task: Task, log: IO[str]) -> None:
    """Unpack the packages into `to`/root, and put what `part` makes into `to`/bin."""
    await apt.unpack(part.packages, to / "root", task, log, closure=part.closure, without=part.without)
    (to / "bin").mkdir()
    for file in part.ours:
        shutil.copy(HERE / file, to / "bin")
    for program in part.makes:
        if not (to / "bin" / program).exists():
            _expose(program, to, part.folder)


def _expose(program: str, to: Path, final: Path) -> None:
    """Put `program` into bin: a link, or a script where it needs libraries that the machine may lack."""
    name = _LEGACY.get(program, program)
    found = next(to / "root" / place / name for place in _PLACES if (to / "root" / place / name).exists())
    shown = to / "bin" / program
    if name not in _NEED_LIBRARIES:
        shown.symlink_to(os.path.relpath(found, shown.parent))
        return
    (unpacked,) = to.glob("root/usr/lib/*/xtables")
    plugins = final / unpacked.relative_to(to)
    libraries, xtables, program_path = (
        shlex.quote(str(path)) for path in (plugins.parent, plugins, final / found.relative_to(to))
    )
    shown.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} XTABLES_LIBDIR={xtables} exec {program_path} "$@"\n')
    shown.chmod(0o755)
