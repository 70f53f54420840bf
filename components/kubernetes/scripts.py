"""Prepare shell scripts for the pod templates that contain them. Pure."""

from pathlib import Path


def read_script(path: Path) -> str:
    """Return a script without its comment lines and blank lines, so that editing a comment restarts no pod.

    A line is a comment if `#` is its first character after blanks. A script must therefore have no such line, and no
    blank line, inside a here-document or a multi-line string.
    """
    kept = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(kept) + "\n"
