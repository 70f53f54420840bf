"""The stack to preview: the one in the backend, or an empty one of the same settings where there is none yet."""

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

# What encrypts a stack's settings; without encrypted ones, a copy of them can do without.
_ENCRYPTION = ("encryptionsalt", "encryptedkey", "secretsprovider")


class PreviewError(ToolError):
    """There is no stack to preview; the message says why and what to do."""


@dataclass(frozen=True)
class Target:
    """What a command of Pulumi's needs to work on a stack, and what a reader of its preview should know of it."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    note: str = ""


@contextmanager
def target(name: str, project: Path) -> Generator[Target]:
    """The stack in the backend; else an empty one, in a backend of its own that goes when the preview is done."""
    environment = _with_users_login(dict(os.environ), project)
    # In Pulumi Cloud a stack may be named with its organization.
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
    # It writes the encryption's salt beside Pulumi.yaml, which shall not be the project's.
    _pulumi("stack", "init", name, environment=environment, folder=folder)
    note = f"The backend has no stack {name} yet, so that everything is new."
    return Target(("--stack", name, "--config-file", str(copy)), environment, note)


def _stacks(environment: Mapping[str, str], project: Path) -> set[str]:
    """The names of the project's stacks in the backend."""
    listed: list[dict[str, Any]] = json.loads(_pulumi("stack", "ls", "--json", environment=environment, folder=project))
    return {str(stack["name"]).rpartition("/")[2] for stack in listed}


def _with_users_login(environment: dict[str, str], project: Path) -> dict[str, str]:
    """Without `make env`'s own backend where the user has a Pulumi that is logged in to another."""
    if environment.get("PULUMI_BACKEND_URL") == f"file://{project / '.state'}" and toolchain.users_pulumi():
        credentials = Path(environment.get("PULUMI_HOME", Path.home() / ".pulumi")) / "credentials.json"
        if credentials.exists() and json.loads(credentials.read_text()).get("current"):
            del environment["PULUMI_BACKEND_URL"]
    return environment


def _pulumi(*arguments: str, environment: Mapping[str, str], folder: Path) -> str:
    command = ["pulumi", *arguments, "--non-interactive"]
    return run(command, what=f"pulumi {' '.join(arguments)}", cwd=folder, env=environment).stdout
