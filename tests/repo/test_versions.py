"""Versions that are written in two places, because components/ and tools/ do not import each other."""

from components.settings import Settings
from tools import toolchain


def test_the_default_image_is_the_consul_that_tests_run_on() -> None:
    assert Settings.model_fields["image"].default == toolchain.CONSUL_IMAGE
