"""Find the stack to preview in the backend, or create an empty one with the same settings."""

import json
import os
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools import toolchain
from tools.commands import run
from tools.errors import ToolError

# Keys about the encryption of settings. A copy of settings without encrypted values does not need them.
_ENCRYPTION = ("encryptionsalt", "encryptedkey", "secretsprovider")


class PreviewError(ToolError):
    """There is no stack to preview."""


@dataclass(frozen=True)
class Target:
    """Arguments and environment of `pulumi` for a stack, and a note for the reader of the preview."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    note: str = ""


@contextmanager
def target(name: str, project: Path) -> Generator[Target]:
    """Yield the stack in the backend, or else an empty one in a temporary backend."""
    environment = _with_users_login(dict(os.environ), project)
    # In Pulumi Cloud, the name may include the organization.
    if name.rpartition("/")[2] in _stacks(environment, project):
        yield Target(("--stack", name), environment)
        return
    settings = project / f"Pulumi.{name.rpartition('/')[2]}.yaml"
    if not settings.exists():
        known = ", ".join(sorted(file.name.split(".")[1] for file in project.glob("Pulumi.*.yaml")))
        raise PreviewError(
            f"There is no stack {name}: neither in the backend nor as {settings.name}. "
            f"There are settings for: {known}. Say which: make preview STACK=…"
        )
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        yield _empty_stack(settings, Path(folder), environment)


def _empty_stack(settings: Path, folder: Path, environment: Mapping[str, str]) -> Target:
    backend = folder / "backend"
    backend.mkdir()
    shutil.copy(settings.with_name("Pulumi.yaml"), folder)
    copy = folder / settings.name
    content: dict[str, Any] = yaml.safe_load(settings.read_text()) or {}
    environment = {**environment, "PULUMI_BACKEND_URL": f"file://{backend}"}
    if "secure:" not in settings.read_text():
        content = {key: value for key, value in content.items() if key not in _ENCRYPTION}
        environment["PULUMI_CONFIG_PASSPHRASE"] = "nothing is encrypted"  # noqa: S105
    copy.write_text(yaml.safe_dump(content))
    name = settings.name.split(".")[1]
    # `stack init` writes the encryption salt into a file beside Pulumi.yaml, so it runs on the copy.
    _pulumi("stack", "init", name, environment=environment, folder=folder)
    note = f"The backend has no stack {name} yet, so everything is new."
    return Target(("--stack", name, "--config-file", str(copy)), environment, note)


def _stacks(environment: Mapping[str, str], project: Path) -> set[str]:
    """Return the names of the project's stacks in the backend."""
    listed: list[dict[str, Any]] = json.loads(_pulumi("stack", "ls", "--json", environment=environment, folder=project))
    return {str(stack["name"]).rpartition("/")[2] for stack in listed}


def _with_users_login(environment: dict[str, str], project: Path) -> dict[str, str]:
    """Return the environment without `make env`'s backend if the user's own Pulumi is logged in to another one."""
    if environment.get("PULUMI_BACKEND_URL") == f"file://{project / '.state'}" and toolchain.users_pulumi():
        credentials = Path(environment.get("PULUMI_HOME", Path.home() / ".pulumi")) / "credentials.json"
        if credentials.exists() and json.loads(credentials.read_text()).get("current"):
            del environment["PULUMI_BACKEND_URL"]
    return environment


def _pulumi(*arguments: str, environment: Mapping[str, str], folder: Path) -> str:
    command = ["pulumi", *arguments, "--non-interactive"]
    return run(command, what=f"pulumi {' '.join(arguments)}", cwd=folder, env=environment).stdout
