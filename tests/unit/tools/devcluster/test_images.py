"""Image archives and names."""

from pathlib import Path

import pytest

from tools.devcluster.errors import DevclusterError
from tools.devcluster.images import archive_contents, full_name
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


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_an_invalid_archive_is_refused_with_the_way_to_create_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DevclusterError, match="docker save"):
        archive_contents(tmp_path / "file")
