"""Image archives and names."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from tools.devcluster.errors import DevclusterError
from tools.devcluster.images import Image, archive_contents, full_name
from tools.toolchain import images


@pytest.mark.parametrize(
    ("tag", "full"),
    [
        ("consul:1", "docker.io/library/consul:1"),
        ("hashicorp/consul:1.22.6", "docker.io/hashicorp/consul:1.22.6"),
        ("registry.k8s.io/pause:3", "registry.k8s.io/pause:3"),
        ("localhost/mine:1", "localhost/mine:1"),
        ("here:5000/mine:1", "here:5000/mine:1"),
    ],
)
def test_full_names_of_images(tag: str, full: str) -> None:
    assert full_name(tag) == full


def write(folder: Path, content: bytes) -> Path:
    archive = folder / "image.tar"
    images.write_archive(archive, "mine/app:1", [images.file("/app", content)], entrypoint=["/app"])
    return archive


def test_the_images_of_an_archive(tmp_path: Path) -> None:
    (name,) = archive_contents(write(tmp_path, b"one"))
    assert name == "docker.io/mine/app:1"


def test_other_content_has_another_digest(tmp_path: Path) -> None:
    one = archive_contents(write(tmp_path, b"one"))
    assert archive_contents(write(tmp_path, b"one")) == one
    assert archive_contents(write(tmp_path, b"two")) != one


def files(archive: Path) -> dict[str, str]:
    """Return the files and links in the only layer of an image, with the targets of links."""
    with tarfile.open(archive) as outer:
        manifest = outer.extractfile("manifest.json")
        assert manifest
        (image,) = json.load(manifest)
        layer = outer.extractfile(image["Layers"][0])
        assert layer
        with tarfile.open(fileobj=io.BytesIO(layer.read())) as inner:
            return {member.name: member.linkname for member in inner if not member.isdir()}


@pytest.mark.parametrize(
    ("applets", "expected"),
    [
        ((), {"app": ""}),
        (("sh", "rm"), {"app": "", "bin/busybox": "", "bin/sh": "/bin/busybox", "bin/rm": "/bin/busybox"}),
    ],
)
def test_an_image_has_its_program_and_the_named_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, applets: tuple[str, ...], expected: dict[str, str]
) -> None:
    program = tmp_path / "program"
    program.touch()

    def binary(name: str) -> Path:
        return program

    monkeypatch.setattr("tools.devcluster.images.binary", binary)
    assert files(Image("mine/app:1", "app", applets=applets).write(tmp_path)) == expected


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_an_invalid_archive_is_refused_with_the_way_to_create_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DevclusterError, match="docker save"):
        archive_contents(tmp_path / "file")
