"""Find the shared libraries of a program in an unpacked Debian root, by asking the root's own loader."""

from __future__ import annotations

import re
from pathlib import Path

from tools.commands import run
from tools.toolchain.errors import ToolchainError


def of(program: Path, root: Path) -> dict[str, Path]:
    """Return the libraries of `program`: files in `root` by their paths in an image."""
    loader = next(path for path in root.rglob("ld-linux*.so.*") if not path.is_symlink())
    folders = ":".join(str(root / usr / loader.parent.name) for usr in ("lib", "usr/lib"))
    command = [loader, "--inhibit-cache", "--library-path", folders, "--list", program]
    return listed(run(command, error=ToolchainError).stdout, root)


def listed(text: str, root: Path) -> dict[str, Path]:
    """Parse the output of a loader's `--list`. Raise ToolchainError if a library is not in `root`."""
    files: dict[str, Path] = {}
    for name, found in re.findall(r"^\s*(\S+) => (.+?)(?: \(0x[0-9a-f]+\))?$", text, re.MULTILINE):
        if not Path(found).is_relative_to(root):
            raise ToolchainError(f"{name} is not in {root}: {found}")
        # Programs name the loader by an absolute path. The loader finds the other libraries in /usr/lib.
        files[name if name.startswith("/") else f"/usr/lib/{name}"] = Path(found)
    return files
