"""Whether an image's name pins what runs."""

from collections.abc import Iterator, Sequence

from .pods import containers
from .resources import Resource, Violation
from .values import dig


def unpinned_images(stack: Sequence[Resource]) -> Iterator[Violation]:
    """Containers whose image may be another one tomorrow."""
    for resource in stack:
        for container in containers(resource):
            image = dig(container.properties, "image")
            if isinstance(image, str) and not pinned(image):
                yield Violation(
                    resource,
                    f'image "{image}" of container {container.name}',
                    "a tag other than latest (name:1.2.3), or a digest (name@sha256:…)",
                    "Name the version that was tested.",
                )


def pinned(image: str) -> bool:
    """Whether an image has a digest, or a tag other than latest."""
    name, _, digest = image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return digest.startswith("sha256:") or tag not in ("", "latest")
