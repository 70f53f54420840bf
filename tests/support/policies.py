"""Pulumi projects whose programs violate one policy each."""

from pathlib import Path

import yaml

from tests.support.stack import PROJECT_DIR, Stack

PACK = PROJECT_DIR / "policy"

PROGRAMS = PROJECT_DIR / "tests" / "preview" / "policy_programs"

PREVIEW_TIMEOUT_SECONDS = 120
"""A preview takes seconds. This limit fails a preview that hangs before the limit of the whole suite does."""


def project(folder: Path, program: str) -> Stack:
    """Create a project in `folder` that runs a program of `policy_programs`, and a stack of it."""
    folder.mkdir()
    options = {"virtualenv": str(PROJECT_DIR / ".venv")}
    pulumi_yaml = {
        "name": "violating",
        "runtime": {"name": "python", "options": options},
        "main": str(PROGRAMS / program),
    }
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(pulumi_yaml))
    stack = Stack(folder / "stack", project=folder)
    stack.environment["PYTHONPATH"] = str(PROJECT_DIR)
    return stack
