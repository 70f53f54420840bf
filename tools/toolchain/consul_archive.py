"""Consul's container image under its official name, built from the toolchain's programs.

Like the official image it has `consul`, `curl`, a shell, the user `consul` (100:1000), and the folders for data and
configuration. Its entry point is `consul`, not the official shell script, which only changes the user in addition.
"""

from __future__ import annotations

from pathlib import Path

from tools.commands import run
from tools.toolchain import images, shared_libraries
from tools.toolchain.errors import ToolchainError
from tools.toolchain.parts import CONSUL_IMAGE, CONSUL_VERSION, ConsulImagePart, named
from tools.toolchain.progress import Task

ARCHIVE = "consul.tar"
UID, GID = 100, 1000

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PASSWD = f"root:x:0:0:root:/root:/bin/sh\nconsul:x:{UID}:{GID}:consul:/home/consul:/sbin/nologin\n"
_GROUP = f"root:x:0:\nconsul:x:{GID}:\n"


def make(part: ConsulImagePart, to: Path, task: Task) -> None:
    """Write the archive into `to`."""
    task.now("packing")
    consul, debian, curl = (named(need).folder for need in part.needs)
    busybox = debian / "bin" / "busybox"
    applets = run([busybox, "--list-full"], error=ToolchainError).stdout.split()
    nodes = [
        *(images.symlink(applet, "/bin/busybox") for applet in applets),
        images.file("/bin/busybox", busybox),
        images.file("/bin/consul", consul / "bin" / "consul"),
        *_with_libraries("/usr/bin/curl", curl / "root"),
        # The C library resolves names as Go does: /etc/hosts first, then DNS.
        images.file("/etc/nsswitch.conf", b"hosts: files dns\n", mode=0o644),
        images.file("/etc/passwd", _PASSWD.encode(), mode=0o644),
        images.file("/etc/group", _GROUP.encode(), mode=0o644),
        images.directory("/tmp", mode=0o1777),  # noqa: S108 - the image's own
        images.directory("/root", mode=0o700),
        images.directory("/home/consul", uid=UID, gid=GID),
        images.directory("/consul", uid=UID, gid=GID),
        images.directory("/consul/data", uid=UID, gid=GID),
        images.directory("/consul/config", uid=UID, gid=GID),
    ]
    if _CERTIFICATES.exists():
        nodes.append(images.file(str(_CERTIFICATES), _CERTIFICATES, mode=0o644))
    images.write_archive(
        to / ARCHIVE,
        CONSUL_IMAGE,
        nodes,
        entrypoint=["/bin/consul"],
        cmd=["agent", "-dev", "-client", "0.0.0.0"],  # noqa: S104 - as in the official image
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "VERSION": CONSUL_VERSION},
    )


def _with_libraries(program: str, root: Path) -> list[images.Node]:
    file = root / program.lstrip("/")
    libraries = shared_libraries.of(file, root)
    return [images.file(path, source) for path, source in {program: file, **libraries}.items()]
