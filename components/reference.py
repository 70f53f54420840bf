"""Generate the reference: the settings, outputs and refused changes, in Pulumi.yaml and docs/, from their declarations.

`python -m components.reference` writes the files, `python -m components.reference --check` fails if one is stale.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.changes.refusals import refusal_kinds
from components.outputs import OutputSpec, output_specs
from components.settings import Entry, Settings

CONTRACT = "docs/outputs-contract.json"
COMMAND = "make docs"

_ROOT = Path(__file__).parent.parent

Contract = Mapping[str, Mapping[str, Any]]


class GenerationError(Exception):
    """A generated file cannot be written: a marker is missing, or the outputs' contract would be broken."""


def settings_table(entries: Iterable[Entry]) -> str:
    """Return the Markdown table of docs/settings.md."""
    rows = [
        (f"`{entry.key}`", _default(entry), entry.setting.purpose, entry.setting.allowed, entry.setting.change.effect)
        for entry in entries
    ]
    return _table(("key", "default", "purpose", "allowed", "later change"), rows)


def config_block(entries: Iterable[Entry]) -> str:
    """Return the `config:` block of Pulumi.yaml, with strings as the only types."""
    config: dict[str, dict[str, Any]] = {}
    for entry in entries:
        is_string = entry.required or isinstance(entry.default, str)
        default = {} if entry.required else {"default": entry.default_value()}
        config[entry.key] = {
            **({"type": "string"} if is_string else {}),
            "description": entry.setting.purpose,
            **default,
        }
    return (
        f"# Do not edit: `{COMMAND}` writes this block from components/settings/table.py; docs/settings.md says more.\n"
        "# Only strings have a type here. The engine checks types before the program runs, and its error does not name "
        "the value.\n" + yaml.safe_dump({"config": config}, sort_keys=False, allow_unicode=True, width=1000).rstrip()
    )


def outputs_table(outputs: Iterable[OutputSpec]) -> str:
    """Return the Markdown table of docs/outputs.md."""
    rows = [
        (
            f"`{output.name}`",
            output.type + (" or null" if output.nullable else "") + (", **secret**" if output.secret else ""),
            output.description.removesuffix("."),
        )
        for output in outputs
    ]
    return _table(("output", "type", "what it is"), rows)


def refusals_table() -> str:
    """Return the Markdown table of docs/security.md."""
    rows = [(row.change, row.reason, row.way) for row in refusal_kinds()]
    return _table(("change", "why it is refused", "what to do"), rows).replace(
        "docs/operations.md", "[operations](operations.md)"
    )


def contract(outputs: Iterable[OutputSpec]) -> dict[str, dict[str, Any]]:
    """Return the type, secrecy and nullability of each output, by its name."""
    return {
        output.name: {"type": output.type, "secret": output.secret, "nullable": output.nullable} for output in outputs
    }


def broken_promises(before: Contract, after: Contract) -> list[str]:
    """Return how a new contract breaks programs that rely on the old one. A new output breaks none."""
    found = [f"the output {name} is gone" for name in before if name not in after]
    for name in before:
        for what, was in before[name].items():
            if name in after and after[name].get(what) != was:
                found.append(f"the output {name} changes: {what} was {was!r} and is {after[name].get(what)!r}")
    return found


def replace_generated(text: str, name: str, body: str) -> str:
    """Replace the text between the comment lines `generated: NAME` and `end` with `body`; return the whole text.

    Raises GenerationError if the text does not have exactly one such pair of lines.
    """
    for begin, end in ((f"<!-- generated: {name} -->\n", "<!-- end -->"), (f"# generated: {name}\n", "# end\n")):
        before, marker, rest = text.partition(begin)
        _, closing, after = rest.partition(end)
        if marker and closing and begin not in rest:
            return f"{before}{marker}{body}\n{closing}{after}"
    raise GenerationError(f"expected one pair of comments 'generated: {name}' and 'end'")


def rendered_files(root: Path) -> dict[str, str]:
    """Return the up-to-date text of each generated file, by its path below `root`.

    Raises GenerationError if a marker is missing, or if the contract of the outputs is not JSON or would be broken.
    """
    entries, outputs = Settings.entries(), output_specs()
    sections: dict[str, tuple[str, Callable[[], str]]] = {
        "Pulumi.yaml": ("settings", lambda: config_block(entries)),
        "docs/settings.md": ("settings", lambda: settings_table(entries)),
        "docs/outputs.md": ("outputs", lambda: outputs_table(outputs)),
        "docs/security.md": ("refusals", refusals_table),
    }
    rendered: dict[str, str] = {}
    for path, (name, render) in sections.items():
        try:
            rendered[path] = replace_generated((root / path).read_text(), name, render())
        except GenerationError as error:
            raise GenerationError(f"{path}: {error}") from None
    promises = contract(outputs)
    if broken := broken_promises(_published(root / CONTRACT), promises):
        raise GenerationError(
            f"{CONTRACT}: {'; '.join(broken)}. Programs rely on it: keep the output as it was, or change this file by "
            "hand and tell the users"
        )
    rendered[CONTRACT] = json.dumps(promises, indent=2) + "\n"
    return rendered


def _published(file: Path) -> Contract:
    try:
        return json.loads(file.read_text()) if file.exists() else {}
    except ValueError as error:
        raise GenerationError(f"{CONTRACT} is not JSON ({error}): restore it from git") from None


def main(arguments: list[str], root: Path = _ROOT) -> int:
    """Write the generated files, or check them with `--check`; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m components.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    check = parser.parse_args(arguments).check
    try:
        rendered = rendered_files(root)
    except (GenerationError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    stale = [path for path, text in rendered.items() if not (root / path).exists() or (root / path).read_text() != text]
    for path in stale:
        if check:
            print(f"{path} is stale: run `{COMMAND}`", file=sys.stderr)
        else:
            (root / path).write_text(rendered[path])
            print(f"{path} is written")
    return int(check and bool(stale))


def _default(entry: Entry) -> str:
    if entry.required:
        return "required"
    value = entry.default_value()
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", r"\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("| --- |", "|---|").replace(" --- |", "---|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
