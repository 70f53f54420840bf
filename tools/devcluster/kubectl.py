"""The cluster's API through kubectl, which starts faster than a Python client library is imported."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from tools.commands import run
from tools.devcluster.errors import DevclusterError

_LIMIT_SECONDS = 60


class Kubectl:
    """kubectl as the cluster's administrator."""

    def __init__(self, program: Path, kubeconfig: Path) -> None:
        """Use the kubectl at the path `program`."""
        self._program = program
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def run(self, *arguments: str, stdin: str | None = None, limit: float = _LIMIT_SECONDS) -> str:
        """Run kubectl and return its output. Raise DevclusterError with its error message."""
        return run(
            [self._program, *arguments],
            error=DevclusterError,
            what=f"kubectl {' '.join(arguments)}",
            env=self._environment,
            limit_seconds=limit,
            stdin=stdin,
        ).stdout

    def get(self, *arguments: str) -> Any:
        """Return objects as dictionaries."""
        return json.loads(self.run("get", *arguments, "--output=json"))

    def apply(self, manifests: Iterable[dict[str, Any]]) -> None:
        """Create or update the objects."""
        objects = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.run(
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=devcluster",
            "--filename=-",
            stdin=json.dumps(objects),
        )

    def is_ready(self) -> bool:
        """Return whether the API server answers that it is ready."""
        try:
            self.run("get", "--raw=/readyz", "--request-timeout=2s", limit=5)
        except DevclusterError:
            return False
        return True

    def become(self, arguments: list[str]) -> NoReturn:
        """Replace this process with kubectl."""
        os.execve(self._program, [self._program, *arguments], self._environment)  # noqa: S606
