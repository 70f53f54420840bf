"""Print the ten slowest tests of pytest's JUnit XML files: `python -m tests.support.slowest FILE …`."""

import sys
from pathlib import Path
from xml.etree import ElementTree

_SHOWN = 10


def slowest(results: list[Path]) -> list[tuple[float, str]]:
    """Return the seconds and the name of the slowest tests, slowest first."""
    cases = [
        (float(case.get("time", 0)), f"{case.get('classname')}.{case.get('name')}")
        for result in results
        for case in ElementTree.parse(result).iter("testcase")  # noqa: S314 - pytest has just written it
    ]
    return sorted(cases, reverse=True)[:_SHOWN]


if __name__ == "__main__":
    print("The slowest tests:")
    for seconds, name in slowest([Path(argument) for argument in sys.argv[1:]]):
        print(f"{seconds:7.1f} s  {name}")
