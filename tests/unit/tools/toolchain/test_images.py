"""Image archives, as a container engine reads them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tools.toolchain import images


def write(folder: Path, name: str = "image.tar") -> Path:
    program = folder / "program"
    program.write_bytes(b"\x7fELF")
    path = folder / name
    images.write_archive(
        path,
        "example/thing:1.0",
        [
            images.symlink("/bin/sh", "/bin/busybox"),
            images.file("/opt/thing/program", program, uid=100, gid=1000),
            images.file("/etc/passwd", b"root:x:0:0::/:/bin/sh\n", mode=0o644),
            images.directory("/scratch", mode=0o1777),
            images.directory("/data", uid=100, gid=1000),
        ],
        entrypoint=["/opt/thing/program"],
        cmd=["serve"],
        user="100:1000",
        env={"HOME": "/data"},
    )
    return path


def read(archive: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Return the manifest, the configuration and the layer."""

    def content(name: str) -> bytes:
        with tarfile.open(archive) as opened:
            file = opened.extractfile(name)
            assert file
            return file.read()

    (manifest,) = json.loads(content("manifest.json"))
    (layer,) = manifest["Layers"]
    return manifest, json.loads(content(manifest["Config"])), content(layer)


def test_the_image_has_a_tag_and_an_entry_point(tmp_path: Path) -> None:
    manifest, config, layer = read(write(tmp_path))
    assert manifest["RepoTags"] == ["example/thing:1.0"]
    assert config["os"] == "linux"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"] == {
        "Entrypoint": ["/opt/thing/program"],
        "Cmd": ["serve"],
        "User": "100:1000",
        "Env": ["HOME=/data"],
        "WorkingDir": "/",
    }


def test_the_layer_has_content_owners_modes_and_links(tmp_path: Path) -> None:
    _, _, layer = read(write(tmp_path))
    with tarfile.open(fileobj=io.BytesIO(layer)) as opened:
        program = opened.getmember("opt/thing/program")
        assert (program.mode, program.uid, program.gid) == (0o755, 100, 1000)
        file = opened.extractfile(program)
        assert file
        assert file.read() == b"\x7fELF"
        assert opened.getmember("bin/sh").linkname == "/bin/busybox"
        assert opened.getmember("scratch").mode == 0o1777
        assert (opened.getmember("data").uid, opened.getmember("data").gid) == (100, 1000)
        assert opened.getmember("data").isdir()


def test_parent_folders_are_created_before_their_contents(tmp_path: Path) -> None:
    _, _, layer = read(write(tmp_path))
    with tarfile.open(fileobj=io.BytesIO(layer)) as opened:
        names = opened.getnames()
    assert names.index("opt") < names.index("opt/thing") < names.index("opt/thing/program")
    assert len(names) == len(set(names))


def test_equal_files_give_equal_archives(tmp_path: Path) -> None:
    assert write(tmp_path, "one.tar").read_bytes() == write(tmp_path, "two.tar").read_bytes()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        images.write_archive(tmp_path / "image.tar", "a:1", [images.file("/a", tmp_path / "nothing-here")])
