"""The GitHub workflows: actionlint accepts them, and they run what make runs locally."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import toolchain
from tools.preview.__main__ import PACK
from tools.toolchain.parts import PULUMI_VERSION

PROJECT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
STACKS = sorted(path.name.split(".")[1] for path in PROJECT.glob("Pulumi.*.yaml"))


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    return yaml.safe_load(workflow.read_text())["jobs"]


def has_secrets(job: dict[str, Any]) -> bool:
    return bool(re.search(r"\bsecrets[.\[]", str(job)))


def steps() -> Iterator[dict[str, Any]]:
    for workflow in WORKFLOWS:
        for job in jobs(workflow).values():
            yield from job["steps"]


def pulumi_steps() -> Iterator[dict[str, Any]]:
    return (step["with"] for step in steps() if step.get("uses", "").startswith("pulumi/actions@"))


def test_actionlint_accepts_the_workflows() -> None:
    command = [toolchain.binary("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", *WORKFLOWS]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_workflows_exist() -> None:
    assert [workflow.stem for workflow in WORKFLOWS] == ["certificates", "preview", "up"]


def test_every_pulumi_command_uses_the_policy_pack_of_make_preview() -> None:
    commands = [options for options in pulumi_steps() if "command" in options]
    assert [options["command"] for options in commands] == ["preview", "preview", "preview", "up"]
    for options in commands:
        assert PROJECT / options["policyPacks"] == PACK


def test_pulumi_has_the_version_of_the_program_and_the_toolchain() -> None:
    assert {str(options["pulumi-version"]) for options in pulumi_steps()} == {PULUMI_VERSION}
    assert f"pulumi=={PULUMI_VERSION}" in (PROJECT / "requirements.in").read_text().splitlines()


def test_python_has_the_oldest_supported_version() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    versions = {step["with"]["python-version"] for step in steps() if "setup-python" in step.get("uses", "")}
    assert {f">={version}" for version in versions} == {project["requires-python"]}


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    made = {step["run"].split()[1] for step in steps() if step.get("run", "").startswith("make ")}
    assert made == {"lint", "packages", "preview"}
    assert made <= targets


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_each_job_runs_all_stacks_and_dev_only_without_secrets(workflow: Path) -> None:
    runs = {name: job for name, job in jobs(workflow).items() if "strategy" in job}
    assert runs
    for name, job in runs.items():
        expected = [stack for stack in STACKS if stack != "dev"] if has_secrets(job) else STACKS
        assert sorted(job["strategy"]["matrix"]["stack"]) == expected, f"{workflow.stem} {name}"


def test_each_stack_has_its_own_passphrase() -> None:
    expected = "${{ secrets[format('PULUMI_CONFIG_PASSPHRASE_{0}', matrix.stack)] }}"
    environments = [step["env"] for step in steps() if "PULUMI_CONFIG_PASSPHRASE" in str(step)]
    assert [environment["PULUMI_CONFIG_PASSPHRASE"] for environment in environments] == [expected] * 5


def test_an_update_is_never_cancelled_by_another_run() -> None:
    for workflow in WORKFLOWS:
        for job in jobs(workflow).values():
            if any(step.get("with", {}).get("command") == "up" for step in job["steps"]):
                assert job["concurrency"] == {"group": "up-${{ matrix.stack }}", "cancel-in-progress": False}
                assert job["strategy"]["max-parallel"] == 1
                assert "timeout-minutes" not in job


def test_a_renewal_can_be_started_by_hand_and_the_alarm_stays_enabled() -> None:
    files = {workflow.stem: workflow for workflow in WORKFLOWS}
    for stem in ("certificates", "up"):
        assert "\n  workflow_dispatch:\n" in files[stem].read_text()
    assert jobs(files["up"])["up"]["if"] == "github.ref == 'refs/heads/main'"
    # The job must name its own file.
    (step,) = jobs(files["certificates"])["stay-enabled"]["steps"]
    assert f"/actions/workflows/{files['certificates'].name}/enable" in step["run"]


def test_permissions_are_minimal() -> None:
    for workflow in WORKFLOWS:
        content = yaml.safe_load(workflow.read_text())
        assert content["permissions"] == {"contents": "read"}
        for name, job in content["jobs"].items():
            expected = None
            if any(step.get("with", {}).get("comment-on-pr") for step in job["steps"]):
                expected = {"contents": "read", "pull-requests": "write"}
            elif name == "stay-enabled":
                # It runs no code of the repository.
                expected = {"actions": "write"}
                assert len(job["steps"]) == 1
            assert job.get("permissions") == expected, f"{workflow.stem} {name}"


def test_actions_are_pinned_and_keep_no_credentials() -> None:
    for step in steps():
        if uses := step.get("uses"):
            assert re.fullmatch(r"[\w/-]+@(v\d+(\.\d+)*|[0-9a-f]{40})", uses)
            if uses.startswith("actions/checkout@"):
                assert step["with"] == {"persist-credentials": False}


def test_pull_requests_of_forks_get_no_secrets() -> None:
    for workflow in WORKFLOWS:
        text = workflow.read_text()
        assert "pull_request_target" not in text
        if "pull_request:" in text:
            for job in jobs(workflow).values():
                if has_secrets(job):
                    own, person = job["if"].split(" && ")
                    assert own == "github.event.pull_request.head.repo.full_name == github.repository"
                    assert person == "github.actor != 'dependabot[bot]'"


def test_secrets_belong_to_an_environment_of_the_stack() -> None:
    for workflow in WORKFLOWS:
        for job in jobs(workflow).values():
            if has_secrets(job):
                suffix = "" if workflow.stem == "up" else "-preview"
                assert job["environment"] == "${{ matrix.stack }}" + suffix


def test_an_update_is_previewed_first() -> None:
    (up,) = jobs(next(workflow for workflow in WORKFLOWS if workflow.stem == "up")).values()
    options = [step["with"] for step in up["steps"] if step.get("uses", "").startswith("pulumi/actions@")]
    assert [{**of, "command": ""} for of in options] == [{**options[0], "command": ""}] * 2
    assert [of["command"] for of in options] == ["preview", "up"]
