"""The ACL Job's script, with a fake `consul` and `curl` that log their arguments."""

import subprocess
from pathlib import Path

import pytest

from tests.support.scripts import fake_clock, write_program

SCRIPT = Path(__file__).parents[4] / "components" / "acl" / "scripts" / "apply_acls.sh"
SECRET = "5ec4e700-0000-4000-8000-000000000000"  # noqa: S105 - a made-up token
LIST = """\
AccessorID:       gone
SecretID:         x
Description:      consul-cluster service-gone

AccessorID:       web
SecretID:         y
Description:      consul-cluster service-web

AccessorID:       alice
SecretID:         z
Description:      made by hand
"""


def run(folder: Path, failing: str = "none") -> tuple[int, str, list[str]]:
    """Return exit code, output and calls of the script. Calls that match the shell pattern `failing` fail."""
    calls = folder / "calls"
    (folder / "list").write_text(LIST)
    for name in ("consul", "curl"):
        write_program(
            folder,
            name,
            f'echo "{name} $*" >> {calls}\n'
            f'case "$*" in {failing}) echo "no such call" >&2; exit 22;; esac\n'
            f'case "$*" in "acl token list") cat {folder}/list;; *"policy read"*) echo "ID:   the-id";; esac',
        )
    fake_clock(folder)
    for name, text in {
        "tokens/header": f"X-Consul-Token: {SECRET}",
        "tokens/web.json": "{}",
        "policies/dns.json": "{}",
    }.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "ACL_DIR": str(folder),
        "CONSUL_HTTP_ADDR": "https://consul",
        "CONSUL_CACERT": "ca.pem",
        "SERVERS_TIMEOUT": "9",
        "TIMEOUT": "3",
    }
    result = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    return result.returncode, result.stdout, calls.read_text().splitlines()


def test_declared_tokens_are_created_and_undeclared_ones_deleted(tmp_path: Path) -> None:
    code, said, calls = run(tmp_path)
    assert (code, said) == (0, "The ACLs are in place\n")
    asked, *urls = [call.split()[-1] for call in calls if call.startswith("curl")]
    assert asked == "https://consul/v1/status/leader"
    assert urls == ["https://consul/v1/acl/policy", "https://consul/v1/acl/token"]
    assert [call for call in calls if "delete" in call] == ["consul acl token delete -accessor-id gone"]


@pytest.mark.parametrize(("create", "update"), [("acl/policy", "acl/policy/the-id"), ("acl/token", "acl/token/web")])
def test_existing_objects_are_updated(tmp_path: Path, create: str, update: str) -> None:
    code, _, calls = run(tmp_path, failing=f"*/{create}")
    assert code == 0
    assert any(call.endswith(update) for call in calls)


def test_without_servers_it_waits_longer_and_changes_nothing(tmp_path: Path) -> None:
    code, said, calls = run(tmp_path, failing="*/v1/status/leader")
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
