"""Select the Pulumi to use, the user's or the toolchain's, and return the environment for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools.toolchain import cache

OFFLINE = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1", "PULUMI_SKIP_UPDATE_CHECK": "1"}
"""The toolchain's Pulumi has all plugins in its home, so it downloads nothing and checks for no update."""


def users_pulumi() -> Path | None:
    """Return the path of the user's own `pulumi`, if it is installed with its Python language host."""
    path = _path_without_ours()
    pulumi = shutil.which("pulumi", path=path)
    return Path(pulumi) if pulumi and shutil.which("pulumi-language-python", path=path) else None


def for_pulumi_in(home: Path) -> dict[str, str]:
    """Return the variables with which `pulumi` is the one in that PULUMI_HOME; the rest of the PATH stays."""
    path = os.pathsep.join((str(home / "bin"), _path_without_ours()))
    return OFFLINE | {"PULUMI_HOME": str(home), "PATH": path}


def _path_without_ours() -> str:
    root = cache.root()
    entries = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if not Path(entry).is_relative_to(root))
