"""Values that are written in two places, because components/ and tools/ do not import each other."""

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
