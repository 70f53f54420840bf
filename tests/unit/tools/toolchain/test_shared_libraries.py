"""Shared libraries from the output of a loader."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.toolchain import shared_libraries
from tools.toolchain.errors import ToolchainError

ROOT = Path("/cache/root")
LISTED = """\
\tlinux-vdso.so.1 (0x00007effa65e0000)
\tlibcurl.so.4 => /cache/root/usr/lib/x86_64-linux-gnu/libcurl.so.4 (0x00007effa64e4000)
\t/lib64/ld-linux-x86-64.so.2 => /cache/root/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 (0x00007effa65e2000)
"""


def test_paths_of_libraries_and_of_the_loader() -> None:
    assert shared_libraries.listed(LISTED, ROOT) == {
        "/usr/lib/libcurl.so.4": ROOT / "usr/lib/x86_64-linux-gnu/libcurl.so.4",
        "/lib64/ld-linux-x86-64.so.2": ROOT / "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    }


@pytest.mark.parametrize("found", ["not found", "/lib/x86_64-linux-gnu/libz.so.1 (0x00007effa64c5000)"])
def test_a_library_outside_the_root_is_named(found: str) -> None:
    with pytest.raises(ToolchainError, match=r"libz\.so\.1"):
        shared_libraries.listed(f"{LISTED}\tlibz.so.1 => {found}\n", ROOT)
