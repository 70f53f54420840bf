"""The errors of the toolchain."""

from __future__ import annotations

from tools.errors import ToolError


class ToolchainError(ToolError):
    """A part cannot be built or found; the message says why and what to do."""


class NotBuiltError(ToolchainError):
    """A part is needed that `toolchain build` has not built yet."""
