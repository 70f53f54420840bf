"""`make preview` on the real engine: with and without a stack in the backend, accepted and refused."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.preview.policy_programs.values import SECRETS
from tests.support.environment import clean_environment
from tests.support.policies import PREVIEW_TIMEOUT_SECONDS, project
from tests.support.secrets import secrets, shows
from tests.support.settings import DEVELOPMENT
from tests.support.stack import PROJECT_DIR, WITHOUT_CLUSTER, Stack


def previewed(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command behind `make preview` with the backend and the passphrase of a stack."""
    return subprocess.run(
        [sys.executable, "-m", "tools.preview", *arguments],
        cwd=PROJECT_DIR,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PREVIEW_TIMEOUT_SECONDS,
    )


def of_this_project(folder: Path) -> Stack:
    """Return a stack of this repository's program, with its settings in a separate folder."""
    folder.mkdir()
    pulumi_yaml = yaml.safe_load((PROJECT_DIR / "Pulumi.yaml").read_text())
    pulumi_yaml |= {"main": str(PROJECT_DIR)}
    pulumi_yaml["runtime"]["options"]["virtualenv"] = str(PROJECT_DIR / ".venv")
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(pulumi_yaml))
    return Stack(folder / "stack", project=folder)


def settings_files() -> dict[Path, bytes]:
    """Return the content of the files that a preview might change."""
    return {path: path.read_bytes() for path in PROJECT_DIR.glob("Pulumi*.yaml")}


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_preview_in_a_new_clone_leaves_no_files(stack: Stack, tmp_path: Path, name: str) -> None:
    """The backend has another stack only, there is no cluster, and the passphrase differs from that of the settings."""
    before, comment = settings_files(), tmp_path / "comment.md"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    stack.environment["TMPDIR"] = str(temporary)
    result = previewed(stack, name, "--comment", str(comment))
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith(
        f"Preview of stack {name}: passed\nThe backend has no stack {name} yet, so everything is new.\n"
    )
    assert re.search(r"\n\d+ to create; policy pack consul-cluster 1\.0\.0\n$", result.stdout)
    assert comment.read_text().startswith(f"### ✅ Preview of stack `{name}`: passed")
    assert settings_files() == before
    assert list(temporary.iterdir()) == []


def test_a_node_without_a_server_violates_no_policy(tmp_path: Path) -> None:
    stack = of_this_project(tmp_path / "project")
    stack.configure({"environment": "production", "storageNodes": ["a", "b", "c", "d"]})
    result = previewed(stack, "test", "--project", str(stack.folder))
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_stack_in_the_backend_is_compared_with_its_state(tmp_path: Path) -> None:
    stack = of_this_project(tmp_path / "project")
    stack.configure(DEVELOPMENT)
    stack.up(*WITHOUT_CLUSTER)
    stack.configure(DEVELOPMENT | {"certificateValidityHours": 1000})
    result = previewed(stack, "test", "--project", str(stack.folder), "--comment", str(tmp_path / "comment.md"))
    printed, comment = result.stdout, (tmp_path / "comment.md").read_text()
    assert result.returncode == 0, printed + result.stderr
    assert "has no stack" not in printed
    replaced = re.search(
        r"! replace LocallySignedCert consul-server\n(?s:.*?)"
        r"      validityPeriodHours  \(forces the replacement\)\n-       8760\n\+       1000\n",
        printed,
    )
    assert replaced, printed
    assert "⚠️ **Deleted or replaced:** `LocallySignedCert consul-" in comment
    found = [
        name for name, value in secrets(stack.deployment()).items() for text in (printed, comment) if shows(text, value)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("program", "policy"), [("exposed_ui.py", "no-exposed-ui"), ("plain_text.py", "no-plain-text")]
)
def test_a_violation_fails_and_is_in_the_comment_without_secrets(tmp_path: Path, program: str, policy: str) -> None:
    stack = project(tmp_path / "project", program)
    comment = tmp_path / "comment.md"
    result = previewed(stack, "test", "--project", str(stack.folder), "--comment", str(comment))
    assert result.returncode == 1, result.stdout + result.stderr
    for text in (result.stdout, comment.read_text()):
        assert "refused by policies: " in text.splitlines()[0]
        assert f"\n{policy}" in text
        assert [name for name, value in SECRETS.items() if shows(text, value)] == []


def test_a_changed_secret_in_plain_text_is_not_shown(tmp_path: Path) -> None:
    """The engine names only the changed value. What marks it as a secret is the name or the option beside it."""
    stack = project(tmp_path / "project", "changed_secrets.py")
    del stack.environment["KUBECONFIG"]  # The provider accepts either a kubeconfig or a folder.
    for number in (1, 2):
        names = ("level", "password", "token")
        stack.configure({name: f"{name}-{number}" for name in names} | {"folder": str(tmp_path / "manifests")})
        if number == 1:
            stack.up()
    comment = tmp_path / "comment.md"
    result = previewed(stack, "test", "--project", str(stack.folder), "--comment", str(comment))
    for text in (result.stdout, comment.read_text()):
        assert "refused by policies: 3" in text
        assert 'env[0].value\n-       "level-1"\n+       "level-2"\n' in text
        for path in ("env[1].value", "args[1]", "args[2]"):
            assert f'{path}\n-       "[secret]"\n+       "[secret]"\n' in text
        assert not re.search(r"(password|token)-\d", text)


def test_an_invalid_setting_fails_with_one_line(tmp_path: Path) -> None:
    stack = of_this_project(tmp_path / "project")
    stack.configure(DEVELOPMENT | {"serverReplicas": 4})
    comment = tmp_path / "comment.md"
    result = previewed(stack, "test", "--project", str(stack.folder), "--comment", str(comment))
    assert result.returncode == 1
    for text in (result.stdout, comment.read_text()):
        assert "consul-cluster:serverReplicas = 4 cannot be used; allowed: an odd number" in text
        assert "Traceback" not in text


def test_an_unknown_stack_fails_with_one_error(stack: Stack) -> None:
    result = previewed(stack, "staging")
    assert result.returncode == 1
    assert result.stderr == (
        "error: There is no stack staging: neither in the backend nor as Pulumi.staging.yaml. "
        "There are settings for: dev, prod. Say which: make preview STACK=…\n"
    )


def test_make_preview(stack: Stack, tmp_path: Path) -> None:
    if not (PROJECT_DIR / ".venv" / "installed").exists():
        pytest.skip("the packages were not installed by make")
    comment = tmp_path / "comment.md"
    result = subprocess.run(
        ["make", "--silent", "preview", "STACK=prod", f"COMMENT={comment}"],
        cwd=PROJECT_DIR,
        env={**clean_environment(), "PULUMI_BACKEND_URL": stack.environment["PULUMI_BACKEND_URL"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=PREVIEW_TIMEOUT_SECONDS,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Preview of stack prod: passed" in result.stdout
    assert comment.exists()
