"""Errors whose text tells the person at the terminal what to do."""

from __future__ import annotations


class ToolchainError(Exception):
    """Something the person at the terminal can act on; the text is shown as it is."""


class NotBuiltError(ToolchainError):
    """A part was asked for that `toolchain build` has not made yet."""
