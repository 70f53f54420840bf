"""The cluster's API, by way of kubectl: one static program, quicker to start than a client library is to import."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from tools.commands import run
from tools.devcluster.errors import DevclusterError

_LIMIT = 60


class Kubectl:
    """kubectl as the cluster's administrator."""

    def __init__(self, program: Path, kubeconfig: Path) -> None:
        """`program` is the kubectl to run."""
        self._program = program
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def run(self, *arguments: str, stdin: str | None = None, limit: float = _LIMIT) -> str:
        """Run kubectl and give back what it printed; raises DevclusterError with what it complained of."""
        return run(
            [self._program, *arguments],
            error=DevclusterError,
            what=f"kubectl {' '.join(arguments)}",
            env=self._environment,
            limit_seconds=limit,
            stdin=stdin,
        ).stdout

    def get(self, *arguments: str) -> Any:
        """Objects as dictionaries."""
        return json.loads(self.run("get", *arguments, "--output=json"))

    def apply(self, manifests: Iterable[dict[str, Any]]) -> None:
        """Create the objects, or make them as described."""
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
        """Whether the API server answers and thinks well of itself."""
        try:
            self.run("get", "--raw=/readyz", "--request-timeout=2s", limit=5)
        except DevclusterError:
            return False
        return True

    def become(self, arguments: list[str]) -> NoReturn:
        """Replace this process by kubectl."""
        os.execve(self._program, [self._program, *arguments], self._environment)  # noqa: S606
