"""Programs from Debian packages, unpacked into the cache.

`apt-get install` would start an etcd and a containerd, and would replace the containerd of an installed Docker.

iptables is the legacy variant. It uses the kernel's matches and targets (NFQUEUE, conntrack, statistic) directly. The
nft variant translates them into nft expressions, which some kernels lack.

The C library and runc's libseccomp are not unpacked: apt depends on them, so every machine with apt has them. OpenSSL
and libnsl, which socat needs, come with Debian's Python.
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
    """Put `program` into bin as a link; as a script if it needs libraries that the machine may lack."""
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
