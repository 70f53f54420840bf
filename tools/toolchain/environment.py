"""Which Pulumi is used, the user's or the toolchain's, and the environment that makes it so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools.toolchain import cache

OFFLINE = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1", "PULUMI_SKIP_UPDATE_CHECK": "1"}
"""Everything the toolchain's Pulumi needs is in its home: it need not look elsewhere."""


def users_pulumi() -> Path | None:
    """Return the `pulumi` that the user has installed with its Python language host, if there is one."""
    path = _path_without_ours()
    pulumi = shutil.which("pulumi", path=path)
    return Path(pulumi) if pulumi and shutil.which("pulumi-language-python", path=path) else None


def for_pulumi_in(home: Path) -> dict[str, str]:
    """Return what makes `pulumi` the one of that PULUMI_HOME, with the rest of the PATH as it is."""
    path = os.pathsep.join((str(home / "bin"), _path_without_ours()))
    return OFFLINE | {"PULUMI_HOME": str(home), "PATH": path}


def _path_without_ours() -> str:
    root = cache.root()
    entries = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if not Path(entry).is_relative_to(root))
