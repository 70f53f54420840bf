"""Projects whose programs violate the policy pack."""

from pathlib import Path

import yaml

from tests.support.stack import PROJECT_DIR, Stack

PACK = PROJECT_DIR / "policy"


PROGRAMS = PROJECT_DIR / "tests" / "preview" / "policy_programs"


# A preview takes seconds; one that hangs shall fail here, and not at the suite's own limit.
SECONDS = 120


def project(folder: Path, program: str) -> Stack:
    """A stack of a project of its own, whose program is one of this folder's."""
    folder.mkdir()
    options = {"virtualenv": str(PROJECT_DIR / ".venv")}
    pulumi_yaml = {
        "name": "spoiled",
        "runtime": {"name": "python", "options": options},
        "main": str(PROGRAMS / program),
    }
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(pulumi_yaml))
    stack = Stack(folder / "stack", project=folder)
    stack.environment["PYTHONPATH"] = str(PROJECT_DIR)
    return stack
