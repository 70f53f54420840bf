"""Values that are written in two places."""

import re

import yaml

from components.settings import Settings
from tests.support.stack import PROJECT_DIR
from tools import toolchain
from tools.devcluster.addons import STORAGE_CLASS


def test_the_default_image_is_the_consul_that_tests_run_on() -> None:
    assert Settings.model_fields["image"].default == toolchain.CONSUL_IMAGE


def test_the_provisioners_storage_class_is_that_of_production() -> None:
    production = yaml.safe_load((PROJECT_DIR / "Pulumi.prod.yaml").read_text())
    assert production["config"]["consul-cluster:storageClass"] == STORAGE_CLASS


def test_tests_run_with_the_packages_of_the_program() -> None:
    def pinned(file: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (PROJECT_DIR / file).read_text(), re.MULTILINE))

    program = pinned("requirements.txt")
    assert "pyyaml" in {package.partition("==")[0] for package in program}
    assert pinned("tools/requirements.txt") < program < pinned("tests/requirements.txt")
