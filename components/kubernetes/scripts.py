"""Prepare shell scripts for the pod templates that contain them. Pure."""

from pathlib import Path


def read_script(*paths: Path) -> str:
    """Return scripts, one after the other, without comment lines and blank lines: a changed comment restarts no pod.

    A line is a comment if `#` is its first character after blanks. A script must therefore have no such line, and no
    blank line, inside a here-document or a multi-line string. It must not contain `$$`, which Kubernetes replaces with
    `$`.
    """
    lines = [line for path in paths for line in path.read_text().splitlines()]
    kept = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(kept) + "\n"
