"""Replacements for the programs that a script under test calls, and a clock that takes no real time."""

from pathlib import Path

# 2023-11-14T22:13:20Z
CLOCK_START = 1_700_000_000


# A keyring as in a Secret.
DECLARED = '["declared key"]'


def write_program(folder: Path, name: str, text: str) -> None:
    """Write an executable shell script `name` in a folder, which must be first on the PATH of the script under test."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def keyring_environment(folder: Path) -> dict[str, str]:
    """Return what `copy_keyring` needs, with a Secret's file that has one key."""
    (folder / "keyring").write_text(DECLARED)
    agents = folder / "data" / "serf" / "local.keyring"
    return {"KEYRING": str(folder / "keyring"), "AGENT_KEYRING": str(agents), "TMPDIR": str(folder)}


def fake_clock(folder: Path) -> None:
    """Make `date +%s` print one second more at each call, from CLOCK_START on, and `sleep` return at once.

    The real `date` parses dates.
    """
    now = f"echo >> {folder}/ticks; echo $(({CLOCK_START} + $(wc -l < {folder}/ticks)))"
    write_program(folder, "date", f'case "$*" in *-d*) exec /bin/date "$@" ;; *) {now} ;; esac')
    write_program(folder, "sleep", "")
