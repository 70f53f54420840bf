"""The README's sections and tables."""

from tests.support.stack import PROJECT_DIR

README = (PROJECT_DIR / "README.md").read_text()


def section(heading: str) -> str:
    """What is below a heading."""
    return README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of the first table below a heading, by their first cell."""
    cells = [line.strip("|").split(" | ") for line in section(heading).splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}
