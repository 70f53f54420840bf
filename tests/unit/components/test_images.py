"""Pinned image references."""

import pytest

from components.images import is_pinned

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    "image",
    [
        "hashicorp/consul:1.22.6",
        "registry:5000/web/consul:1",
        "MyRegistry.io/consul:1",
        "[::1]:5000/consul:1",
        f"consul@{DIGEST}",
        f"consul:latest@{DIGEST}",
    ],
)
def test_a_tag_or_a_digest_pins_an_image(image: str) -> None:
    assert is_pinned(image)


@pytest.mark.parametrize(
    "image",
    ["", "consul", "consul:latest", "registry:5000/web", "MyRegistry.io/consul", "Consul:1", "consul@sha256:abc"],
)
def test_other_references_are_not_pinned(image: str) -> None:
    assert not is_pinned(image)
