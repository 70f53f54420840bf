"""Policy pinned-images: every container image has a digest, or a tag other than latest."""

from collections.abc import Iterator, Sequence

from components.images import is_pinned

from .pods import containers
from .resources import Resource, Violation
from .values import dig


def unpinned_images(stack: Sequence[Resource]) -> Iterator[Violation]:
    """Yield containers whose image has no digest, and no tag or the tag latest."""
    for resource in stack:
        for container in containers(resource):
            image = dig(container.properties, "image")
            if isinstance(image, str) and not is_pinned(image):
                yield Violation(
                    resource,
                    f'image "{image}" of container {container.name}',
                    "a tag other than latest (name:1.2.3), or a digest (name@sha256:…)",
                    "Name the version that was tested.",
                )
