"""Format a preview: as text for the terminal, and as Markdown for a comment on a pull request."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from tools.preview.events import OPERATIONS, Change, Preview

# GitHub refuses longer comments.
MAX_COMMENT_CHARACTERS = 65536

_SIGNS = {"delete": "-", "replace": "!", "update": "~", "import": "=", "create": "+"}


def summary(preview: Preview) -> str:
    """Return the counts, those that may lose data first: `1 to replace, 2 to create, 20 unchanged`."""
    counts = [(len(preview.of(operation)), f"to {operation}") for operation in OPERATIONS]
    parts = [f"{count} {word}" for count, word in [*counts, (preview.unchanged, "unchanged")] if count]
    return ", ".join(parts) or "nothing declared"


def verdict(preview: Preview, *, failed: bool) -> str:
    """Return the result in a few words."""
    if preview.violations:
        return f"refused by policies: {len(preview.violations)}"
    if failed:
        return "failed"
    return "no changes" if not preview.changes else "passed"


def text(stack: str, preview: Preview, note: str, *, failed: bool) -> str:
    """Return the preview as text."""
    lines = [f"Preview of stack {stack}: {verdict(preview, failed=failed)}", *([note] if note else []), ""]
    lines += [*diff(preview), ""] if preview.changes else []
    lines += [f"{summary(preview)}; {_checked(preview)}"]
    lines += ["", *problems(preview)] if preview.violations or preview.errors or preview.warnings else []
    return "\n".join(lines) + "\n"


def markdown(stack: str, preview: Preview, note: str, *, failed: bool) -> str:
    """Return the preview as Markdown, cut to the length of a comment."""
    sign = "❌" if failed else "✅"
    lines = [f"### {sign} Preview of stack `{stack}`: {verdict(preview, failed=failed)}", ""]
    lines += [note, ""] if note else []
    lines += [f"**{summary(preview)}**; {_checked(preview)}", ""]
    if lost := [*preview.of("delete"), *preview.of("replace")]:
        names = ", ".join(f"`{change}`" for change in lost[:20])
        lines += [f"⚠️ **Deleted or replaced:** {names}{' …' if len(lost) > 20 else ''}", ""]
    if found := list(problems(preview)):
        lines += [*_fenced(_cut(found, MAX_COMMENT_CHARACTERS // 2), "text"), ""]
    rest = MAX_COMMENT_CHARACTERS - len("\n".join(lines)) - 200
    if preview.changes:
        lines += ["<details open><summary>Changes</summary>", "", *_fenced(_cut(list(diff(preview)), rest), "diff"), ""]
        lines += ["</details>"]
    return "\n".join(lines)[:MAX_COMMENT_CHARACTERS].rstrip() + "\n"


def problems(preview: Preview) -> Iterator[str]:
    """Yield the violations, errors and warnings."""
    yield from map(str, preview.violations)
    for kind, messages in (("error", preview.errors), ("warning", preview.warnings)):
        for message in messages:
            yield message if message.startswith(kind) else f"{kind}: {message}"


def diff(preview: Preview) -> Iterator[str]:
    """Yield the changes, those that may lose data first. New resources are one line a kind, without properties."""
    for operation in OPERATIONS:
        if operation == "create":
            created = sorted({(change.kind, change.name) for change in preview.of(operation)})
            for kind, names in groupby(created, key=itemgetter(0)):
                yield f"+ create  {kind} {', '.join(name for _, name in names)}"
        else:
            for change in sorted(preview.of(operation), key=str):
                yield f"{_SIGNS[operation]} {operation:8}{change}"
                yield from _differences(change)


def _differences(change: Change) -> Iterator[str]:
    for difference in change.differences:
        reason = "  (forces the replacement)" if difference.replaces else ""
        yield f"      {difference.path}{reason}"
        yield from (f"-       {line}" for line in difference.removed)
        yield from (f"+       {line}" for line in difference.added)


def _fenced(lines: Sequence[str], language: str) -> list[str]:
    """Return a code block, with a fence longer than any in `lines`."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def _cut(lines: list[str], characters: int) -> list[str]:
    """Return as many lines as fit into `characters`, and a line with the number of the others."""
    used = 0
    for index, line in enumerate(lines):
        used += len(line) + 1
        if used > characters:
            return [*lines[:index], f"… {len(lines) - index} more lines: make preview shows them"]
    return lines


def _checked(preview: Preview) -> str:
    return f"policy pack {', '.join(preview.packs)}" if preview.packs else "no policy was checked"
