"""Stacks for tests on the real engine and providers, with their own backend, settings and names."""

import json
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.environment import clean_environment
from tools import toolchain

PROJECT_DIR = Path(__file__).parents[2]

# Limits an update to the resources that need no Kubernetes: keys, certificates, and the record of the settings.
WITHOUT_CLUSTER = [
    f"--target={target}" for target in ("**ConsulCluster::**", "**Stash::consul", "**tls:index**", "**random:index**")
]


@dataclass
class Stack:
    """A stack whose settings file is in `folder`. Without `backend`, its state is there too."""

    folder: Path
    name: str = "test"
    kubeconfig: Path = Path("/nonexistent/kubeconfig")
    project: Path = PROJECT_DIR
    backend: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    environment: dict[str, str] = field(default_factory=dict[str, str])
    _outputs: tuple[bytes, dict[str, Any]] = (b"", {})

    def __post_init__(self) -> None:
        """Create the stack, without settings."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.backend = self.backend or self.folder / "backend"
        self.backend.mkdir(exist_ok=True)
        self.environment = {
            **clean_environment(),
            **toolchain.pulumi_environment(),
            "PULUMI_BACKEND_URL": f"file://{self.backend}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "KUBECONFIG": str(self.kubeconfig),
            "NO_COLOR": "1",
        }
        # `stack init` writes the settings file beside Pulumi.yaml, so use a copy outside the project.
        shutil.copy(self.project / "Pulumi.yaml", self.folder)
        self._run("stack", "init", self.name, cwd=self.folder)

    @property
    def settings_file(self) -> Path:
        """Return the path of the settings file, which `configure` writes."""
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def update_log(self) -> Path:
        """Return the path of the file with what the last of `updating` printed."""
        return self.folder / "update.txt"

    @property
    def project_name(self) -> str:
        """Return the project's name, with which the keys of its settings begin."""
        return yaml.safe_load((self.project / "Pulumi.yaml").read_text())["name"]

    @property
    def state(self) -> Path:
        """Return the path of the stack's state file in the backend."""
        assert self.backend
        return self.backend / ".pulumi" / "stacks" / self.project_name / f"{self.name}.json"

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Replace all settings of the stack. The keys have no namespace."""
        self.settings = dict(settings)
        kept: dict[str, Any] = yaml.safe_load(self.settings_file.read_text()) if self.settings_file.exists() else {}
        config = {f"{self.project_name}:{key}": value for key, value in settings.items()}
        self.settings_file.write_text(yaml.safe_dump({**kept, "config": config}))

    @contextmanager
    def configured(self, settings: Mapping[str, Any]) -> Generator[None]:
        """Use these settings in the block only, for previews, and for updates that are refused."""
        before = self.settings
        self.configure(settings)
        try:
            yield
        finally:
            self.configure(before)

    def pulumi(self, *arguments: str, check: bool = True, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a Pulumi command on this stack. With `check`, a failure raises AssertionError with the output."""
        return self._run(*arguments, *self._options(arguments[0]), cwd=self.project, check=check, timeout=timeout)

    def _options(self, command: str) -> list[str]:
        """Return the options with which a Pulumi command runs on this stack."""
        settings = [] if command in ("stack", "state", "cancel") else ["--config-file", str(self.settings_file)]
        return ["--stack", self.name, *settings]

    def _run(
        self, *arguments: str, cwd: Path, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        if check and result.returncode != 0:
            raise AssertionError(f"pulumi {' '.join(arguments)}\n{result.stdout}{result.stderr}")
        return result

    def preview(self, *arguments: str, check: bool = True) -> str:
        """Preview the stack and return what the command prints."""
        result = self.pulumi("preview", *arguments, check=check)
        return result.stdout + result.stderr

    def up(self, *arguments: str) -> str:
        """Update the stack and return what the command prints."""
        return self.pulumi("up", "--yes", "--skip-preview", *arguments).stdout

    def refused(self) -> str:
        """Update the stack, which must fail, and return what the command prints, in one line."""
        result = self.pulumi("up", "--yes", "--skip-preview", check=False)
        printed = " ".join((result.stdout + result.stderr).split())
        assert result.returncode != 0, printed
        return printed

    @contextmanager
    def updating(self) -> Generator[subprocess.Popen[str]]:
        """Start an update. If it still runs at the end, interrupt it, so that it releases the stack's lock."""
        with self.update_log.open("w") as printed:
            update = subprocess.Popen(
                ["pulumi", "up", "--yes", "--skip-preview", *self._options("up"), "--non-interactive"],
                cwd=self.project,
                env=self.environment,
                stdout=printed,
                stderr=subprocess.STDOUT,
                text=True,
            )
            try:
                yield update
            finally:
                update.send_signal(signal.SIGINT)
                update.wait(timeout=120)

    def destroy_protected(self) -> None:
        """Destroy the stack as docs/operations.md describes for production."""
        self.pulumi("state", "unprotect", "--all", "--yes")
        self.pulumi("destroy", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, with secrets in plain text. Read them again only after the state has changed."""
        state = self.state.read_bytes()
        if state != self._outputs[0]:
            printed = self.pulumi("stack", "output", "--json", "--show-secrets").stdout
            self._outputs = (state, json.loads(printed))
        return self._outputs[1]

    def mark_healthy(self) -> None:
        """Add to the state what an update adds after the health check, without a cluster to check."""
        exported = json.loads(self.pulumi("stack", "export").stdout)
        resources = exported["deployment"]["resources"]
        (record,) = [resource for resource in resources if resource["urn"].endswith("Stash::consul")]
        mark: dict[str, Any] = {
            "urn": f"{record['urn']}-healthy",
            "inputs": {"input": True},
            "outputs": {"input": True, "output": True},
            "dependencies": [],
        }
        resources.append(record | mark)
        file = self.folder / "exported.json"
        file.write_text(json.dumps(exported))
        self.pulumi("stack", "import", "--file", str(file))

    def deployment(self) -> list[dict[str, Any]]:
        """Return the resources in the state, with secrets in plain text."""
        exported = json.loads(self.pulumi("stack", "export", "--show-secrets").stdout)
        return exported["deployment"].get("resources", [])
