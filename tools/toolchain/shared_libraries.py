"""Which libraries a program of an unpacked Debian root needs: its own loader says so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tools.toolchain.errors import ToolchainError


def of(program: Path, root: Path) -> dict[str, Path]:
    """Return the files, by their paths in an image, without which `program` does not start."""
    loader = next(path for path in root.rglob("ld-linux*.so.*") if not path.is_symlink())
    folders = ":".join(str(root / usr / loader.parent.name) for usr in ("lib", "usr/lib"))
    command = [loader, "--inhibit-cache", "--library-path", folders, "--list", program]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ToolchainError(f"{loader} cannot load {program}: {(result.stdout + result.stderr).strip()}")
    return listed(result.stdout, root)


def listed(text: str, root: Path) -> dict[str, Path]:
    """Read what a loader says to `--list`; raises ToolchainError when a library is not in `root`."""
    files: dict[str, Path] = {}
    for name, found in re.findall(r"^\s*(\S+) => (.+?)(?: \(0x[0-9a-f]+\))?$", text, re.MULTILINE):
        if not Path(found).is_relative_to(root):
            raise ToolchainError(f"{name} is not in {root}: {found}")
        # The loader's own path is absolute, as programs name it; it looks into /usr/lib for the others.
        files[name if name.startswith("/") else f"/usr/lib/{name}"] = Path(found)
    return files
