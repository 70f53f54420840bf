"""Preview a stack with the policy pack: `make preview`. Change nothing; exit with 1 if the preview fails."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tools.command_group import errors_presented
from tools.commands import run
from tools.preview import events, report
from tools.preview.stacks import Target, target

PROJECT_DIR = Path(__file__).parents[2]
PACK = PROJECT_DIR / "policy"


def preview(
    stack: str,
    comment: Annotated[Path | None, typer.Option(help="Write the summary as Markdown to this file.")] = None,
    project: Annotated[Path, typer.Option(help="The folder of Pulumi.yaml.")] = PROJECT_DIR,
) -> None:
    """Preview STACK: check its settings and all policies, and summarize the changes."""
    with errors_presented(), target(stack, project) as found:
        seen, complaints, failed = _run(found, project)
    if failed and not seen.violations and not seen.errors:
        seen.errors.append(complaints or "pulumi preview failed without a message")
    print(report.text(stack, seen, found.note, failed=failed), end="")
    if comment:
        comment.write_text(report.markdown(stack, seen, found.note, failed=failed))
    if failed:
        raise typer.Exit(1)


def _run(found: Target, project: Path) -> tuple[events.Preview, str, bool]:
    """Return the preview, the standard error of the CLI, and whether the preview failed."""
    result = run(
        # No refresh: the preview needs no cluster.
        [
            "pulumi",
            "preview",
            "--json",
            "--non-interactive",
            "--refresh=false",
            "--policy-pack",
            str(PACK),
            *found.arguments,
        ],
        check=False,
        cwd=project,
        # Print one event a line. The default JSON output has no policy violations.
        env={**found.environment, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"},
    )
    return events.read(_events(result.stdout)), result.stderr.strip(), result.returncode != 0


def _events(output: str) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


if __name__ == "__main__":
    typer.run(preview)
