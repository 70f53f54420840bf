"""A fake `curl` for the keyring API of a cluster's members, with the rule that every member can read all messages.

The file `members.json` beside it has a keyring for each member: a list of keys, the primary key first. The file
`misses.json` has, for each coming change, the number of the member that does not hear of it, or null. If the file
`silent` exists, not every member answers.
"""

import json
import re
import sys
from pathlib import Path

Keyrings = list[list[str]]


def readable(members: Keyrings) -> bool:
    """Return whether each member has the primary key of every member."""
    return all(other[0] in keys for keys in members for other in members)


def changed(keys: list[str], method: str, key: str) -> list[str]:
    """Return a member's keys after a request.

    Raises ValueError if an agent would refuse it: `handleUseKey` and `handleRemoveKey` of hashicorp/serf's keymanager.
    """
    if method == "POST":
        return [*keys, *([key] if key not in keys else [])]
    if method == "PUT":
        if key not in keys:
            raise ValueError("Requested key is not in the keyring")
        return [key, *(each for each in keys if each != key)]
    if key == keys[0]:
        raise ValueError("Removing the primary key is not allowed")
    return [each for each in keys if each != key]


def counts(keys: list[str]) -> dict[str, int]:
    return {key: keys.count(key) for key in keys}


def answer(folder: Path, method: str, body: str) -> tuple[int, str]:
    """Return the exit code of `curl` and the answer to a request with the method and the body."""
    members: Keyrings = json.loads((folder / "members.json").read_text())
    if (folder / "silent").exists():
        return 22, "1/2 nodes reported success"
    if method == "GET":
        pool = {
            "WAN": False,
            "Datacenter": "dc1",
            "Segment": "",
            "Keys": counts([key for keys in members for key in keys]),
            "PrimaryKeys": counts([keys[0] for keys in members]),
            "NumNodes": len(members),
        }
        return 0, json.dumps([pool], separators=(",", ":"))
    misses: list[int | None] = json.loads((folder / "misses.json").read_text())
    missed = misses.pop(0) if misses else None
    (folder / "misses.json").write_text(json.dumps(misses))
    key = json.loads(body)["Key"]
    try:
        after = [keys if number == missed else changed(keys, method, key) for number, keys in enumerate(members)]
    except ValueError as error:
        return 22, str(error)
    with (folder / "changes").open("a") as log:
        print(method, key, file=log)
    (folder / "members.json").write_text(json.dumps(after))
    if not readable(after):
        (folder / "broken").touch()
    return (0, "") if missed is None else (22, f"{len(members) - 1}/{len(members)} nodes reported success")


if __name__ == "__main__":
    folder = Path(sys.argv[0]).parent
    config = sys.stdin.read()
    (data,) = re.findall(r'^data = "(.*)"$', config, re.MULTILINE) or [""]
    (folder / "header").write_text("".join(re.findall(r'^header = "(.*)"$', config, re.MULTILINE)))
    code, said = answer(folder, sys.argv[sys.argv.index("--request") + 1], data.replace('\\"', '"'))
    print(said)
    sys.exit(code)
