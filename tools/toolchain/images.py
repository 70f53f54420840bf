"""Write container images from a list of files, without a registry or a container engine.

The archives have the format of `docker save`, for `ctr images import`, `docker load` and `kind load image-archive`.
Equal files give equal archives.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Node:
    """A file, folder or symbolic link in an image; create it with `file`, `directory` or `symlink`."""

    path: str
    type: bytes
    content: Path | bytes = b""
    target: str = ""
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


def file(path: str, content: Path | bytes, *, mode: int = 0o755, uid: int = 0, gid: int = 0) -> Node:
    """Return a file at `path` with the content of a local file, or with the given bytes."""
    return Node(path, tarfile.REGTYPE, content, mode=mode, uid=uid, gid=gid)


def directory(path: str, *, mode: int = 0o755, uid: int = 0, gid: int = 0) -> Node:
    """Return a folder at `path`. Parent folders of nodes are created automatically."""
    return Node(path, tarfile.DIRTYPE, mode=mode, uid=uid, gid=gid)


def symlink(path: str, target: str) -> Node:
    """Return a symbolic link at `path` to `target`."""
    return Node(path, tarfile.SYMTYPE, target=target, mode=0o777)


def write_archive(
    path: Path,
    reference: str,
    nodes: Iterable[Node],
    *,
    entrypoint: Sequence[str] = (),
    cmd: Sequence[str] = (),
    user: str = "",
    env: Mapping[str, str] | None = None,
    working_dir: str = "/",
) -> None:
    """Write an image of one layer, tagged `reference` (such as `hashicorp/consul:1.22.6`), to `path`.

    Raises FileNotFoundError if the file of a node does not exist.
    """
    with tempfile.TemporaryFile(dir=path.parent) as layer:
        _write_layer(layer, nodes)
        layer.seek(0)
        digest = hashlib.file_digest(layer, "sha256").hexdigest()
        size = layer.tell()
        layer.seek(0)
        config = _json(
            {
                "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "created": _EPOCH,
                "config": {
                    "Entrypoint": list(entrypoint),
                    "Cmd": list(cmd),
                    "User": user,
                    "Env": [f"{name}={value}" for name, value in (env or {}).items()],
                    "WorkingDir": working_dir,
                },
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
                "history": [{"created": _EPOCH, "created_by": "toolchain"}],
            }
        )
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = _json([{"Config": config_name, "RepoTags": [reference], "Layers": [f"{digest}.tar"]}])
        with tarfile.open(path, "w") as archive:
            _add(archive, "manifest.json", len(manifest), io.BytesIO(manifest))
            _add(archive, config_name, len(config), io.BytesIO(config))
            _add(archive, f"{digest}.tar", size, layer)


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _add(archive: tarfile.TarFile, name: str, size: int, content: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    archive.addfile(info, content)


def _write_layer(layer: IO[bytes], nodes: Iterable[Node]) -> None:
    by_path = {_relative(node.path): node for node in nodes}
    for path in list(by_path):
        for parent in PurePosixPath(path).parents:
            if str(parent) != ".":
                by_path.setdefault(str(parent), directory(str(parent)))
    with tarfile.open(fileobj=layer, mode="w") as archive:
        # Sort by path, so that folders come before their contents.
        for path, node in sorted(by_path.items()):
            info = tarfile.TarInfo(path)
            info.type, info.linkname = node.type, node.target
            info.mode, info.uid, info.gid = node.mode, node.uid, node.gid
            if isinstance(node.content, bytes):
                info.size = len(node.content)
                archive.addfile(info, io.BytesIO(node.content))
            else:
                info.size = node.content.stat().st_size
                with node.content.open("rb") as content:
                    archive.addfile(info, content)


def _relative(path: str) -> str:
    return path.strip("/")
