"""Unit tests of operations.rotation."""
