"""The ACL Job's script, with a fake `consul` and `curl` that log their arguments."""

import subprocess
from pathlib import Path

import pytest

from components.acl.tokens import INITIAL_MANAGEMENT
from components.kubernetes.scripts import read_script
from tests.support.scripts import fake_clock, write_program

SCRIPTS = Path(__file__).parents[4] / "components" / "acl" / "scripts"
SCRIPT = read_script(SCRIPTS / "management_token.sh", SCRIPTS / "apply_acls.sh")
SECRET = "5ec4e700-0000-4000-8000-000000000000"  # noqa: S105 - a made-up token
LIST = f"""\
AccessorID:       gone
SecretID:         x
Description:      consul-cluster service-gone

AccessorID:       web
SecretID:         y
Description:      consul-cluster service-web

AccessorID:       own
SecretID:         v
Description:      {INITIAL_MANAGEMENT}

AccessorID:       foreign
SecretID:         w
Description:      {INITIAL_MANAGEMENT}

AccessorID:       alice
SecretID:         z
Description:      consul-cluster made by hand
"""


def run(folder: Path, failing: str = "none") -> tuple[int, str, list[str]]:
    """Return exit code, output and calls of the script. Calls that match the shell pattern `failing` fail."""
    calls = folder / "calls"
    (folder / "list").write_text(LIST)
    for name in ("consul", "curl"):
        write_program(
            folder,
            name,
            f'echo "{name} $* ${{CONSUL_HTTP_TOKEN_FILE##*-}}" >> {calls}\n'
            f'case "$* ${{CONSUL_HTTP_TOKEN_FILE##*-}}" in {failing}) echo "no such call" >&2; exit 22;; esac\n'
            f'case "$*" in "acl token list") cat {folder}/list;; *"policy read"*) echo "ID:   the-id";;'
            ' *-self*) echo "AccessorID:   own"; echo "SecretID:   secret";; esac',
        )
    fake_clock(folder)
    for name, text in {
        "management/000002-new": SECRET,
        "management/000001-old": SECRET,
        "tokens/new.json": "{}",
        "tokens/old.json": "{}",
        "tokens/web.json": "{}",
        "policies/dns.json": "{}",
        "policies/revoked": "gone\nnever-made\n",
    }.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "ACL_DIR": str(folder),
        "MANAGEMENT_DIR": str(folder / "management"),
        "CONSUL_HTTP_ADDR": "https://consul",
        "CONSUL_CACERT": "ca.pem",
        "INITIAL_MANAGEMENT": INITIAL_MANAGEMENT,
        "SERVERS_TIMEOUT": "9",
        "TIMEOUT": "3",
    }
    result = subprocess.run(["sh", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    return result.returncode, result.stdout, calls.read_text().splitlines()


def paths(calls: list[str]) -> list[str]:
    """Return what `curl` was asked to change: the last part of the path."""
    return [call.split()[-2].rpartition("/v1/acl/")[2] for call in calls if "--request PUT" in call]


def test_declared_tokens_are_created_and_others_of_this_stack_deleted(tmp_path: Path) -> None:
    code, said, calls = run(tmp_path)
    assert (code, said) == (0, "The ACLs are in place\n")
    assert calls[0].split()[-1] == "https://consul/v1/status/leader"
    assert paths(calls) == ["policy", "token", "token", "token"]
    # A token that was made by hand stays.
    assert [call.split()[-2] for call in calls if "delete" in call] == ["gone", "foreign"]


def test_the_management_token_that_consul_knows_creates_the_other(tmp_path: Path) -> None:
    code, said, calls = run(tmp_path, failing="*-self*?new")
    assert code == 1
    assert "The ACLs are not in place" in said
    assert paths(calls)[:4] == ["policy", "token", "token", "token"]
    assert all(call.endswith(" old") for call in calls if "--request PUT" in call)
    # The script deletes no token before all management tokens exist.
    assert not [call for call in calls if "delete" in call]


def test_without_a_known_management_token_nothing_changes(tmp_path: Path) -> None:
    code, said, calls = run(tmp_path, failing="*-self*")
    assert code == 1
    assert said == "The ACLs are not in place after 3 s:\nno such call\n"
    assert paths(calls) == []


@pytest.mark.parametrize(("create", "update"), [("policy", "policy/the-id"), ("token", "token/web")])
def test_existing_objects_are_updated(tmp_path: Path, create: str, update: str) -> None:
    code, _, calls = run(tmp_path, failing=f"*/acl/{create}[!/]*")
    assert code == 0
    # A leader has created the management tokens, with other accessor IDs.
    assert [path for path in paths(calls) if "/" in path] == [update]


def test_without_servers_it_waits_longer_and_changes_nothing(tmp_path: Path) -> None:
    code, said, calls = run(tmp_path, failing="*/v1/status/leader?*")
    assert code == 1
    assert said == "No server answers after 9 s:\nno such call\n"
    assert {call.split()[-1] for call in calls} == {"https://consul/v1/status/leader"}


def test_a_failure_is_reported_without_a_secret(tmp_path: Path) -> None:
    code, said, calls = run(tmp_path, failing="*/v1/acl/*")
    assert code == 1
    assert "The ACLs are not in place after 3 s" in said
    assert "no such call" in said
    assert SECRET not in said
    assert not [call for call in calls if SECRET in call]
