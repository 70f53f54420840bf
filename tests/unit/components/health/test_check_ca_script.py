"""The script that asks whether all agents are ready for the declared CAs, with a fake `consul` and `curl`."""

import subprocess
from pathlib import Path

import pytest

from components.kubernetes.scripts import read_script
from components.trust.authority import ca_name, subject
from tests.support.scripts import fake_clock, write_program

SCRIPTS = Path(__file__).parents[4] / "components" / "health" / "scripts"
AGENTS = ("consul-0", "consul-client-0")
SCRIPT = read_script(SCRIPTS / "gossip.sh", SCRIPTS / "check_ca.sh") + "\ncheck_ca\n"

MEMBERS = """\
Node             Address        Status  Type    Build   Protocol  DC   Partition  Segment
consul-0         10.0.0.1:8301  alive   server  1.22.6  2         dc1  default    <all>
consul-client-0  10.0.0.4:8301  alive   client  1.22.6  2         dc1  default    <default>
consul-client-1  10.0.0.4:8301  left    client  1.22.6  2         dc1  default    <default>
another          10.0.0.4:8301  alive   client  1.22.6  2         dc1  default    <default>
"""


def printed(signs: int, *trusted: int, form: str = "{}={}") -> str:
    """Return what curl prints about a certificate of CA `signs`, whose owner trusts the CAs `trusted`."""
    of = subject("server.dc1.consul", trusted)
    parts = [form.format("CN", of.get("common_name"))]
    if unit := of.get("organizational_unit"):
        parts.insert(0, form.format("OU", unit))
    return f"*  subject: {'; '.join(parts)}\n*  issuer: {form.format('CN', ca_name(signs))}\n"


def check(folder: Path, wanted: str, server: str, client: str, *, allowed: bool = False) -> tuple[int, str]:
    """Return the script's exit code and output, if curl prints `server` and `client` about the two agents."""
    (folder / "members").write_text(MEMBERS)
    write_program(folder, "consul", f"cat {folder}/members")
    for name, text in (("server", server), ("client", client)):
        (folder / name).write_text(text)
    write_program(
        folder,
        "curl",
        f"""for at in "$@"; do :; done; echo "$at" >> {folder}/asked
case $at in *client*) cat {folder}/client ;; *) cat {folder}/server ;; esac >&2""",
    )
    fake_clock(folder)
    if (folder / "later").exists():
        write_program(folder, "sleep", f"cp {folder}/later {folder}/client")
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "CA_KEYS": wanted,
        "CLIENT_SERVICE": "consul-client.here.svc",
        "headless": "consul.here.svc:8501",
        "ALLOW_DEGRADED": str(allowed).lower(),
        "TIMEOUT": "5",
    }
    result = subprocess.run(["sh", "-uc", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    return result.returncode, result.stdout


@pytest.mark.parametrize("form", ["{}={}", "{} = {}"], ids=["curl's form", "OpenSSL's form"])
@pytest.mark.parametrize(
    ("wanted", "signs", "trusted"),
    [
        ("1", 1, (1,)),
        ("1 2", 1, (1,)),
        ("1 2", 1, (1, 2)),
        ("2 1", 1, (1, 2)),
        ("2", 2, (2, 1)),
        ("2", 2, (2,)),
        ("1 2", 2, (2, 1)),
        ("1", 1, (1, 2)),
        ("12 2", 2, (2, 12)),
    ],
)
def test_each_step_of_a_rotation_is_allowed(
    tmp_path: Path, wanted: str, signs: int, trusted: tuple[int, ...], form: str
) -> None:
    agent = printed(signs, *trusted, form=form)
    assert check(tmp_path, wanted, agent, agent) == (0, "")
    asked = {"https://consul-0.consul.here.svc:8501", "https://consul-client-0.consul-client.here.svc:8501"}
    assert set((tmp_path / "asked").read_text().split()) == {f"{at}/v1/status/leader" for at in asked}


@pytest.mark.parametrize(
    ("wanted", "agent", "complaint"),
    [
        ("2 1", printed(1, 1), "consul-client-0 does not trust CA 2, which would sign"),
        ("2", printed(1, 1, 2), "consul-client-0 has a certificate of CA 1, which caKeys does not list"),
        ("1", printed(2, 2, 1), "consul-client-0 has a certificate of CA 2, which caKeys does not list"),
        ("1 2", printed(2, 2), "consul-client-0 does not trust CA 1, which would sign"),
        ("2 1", printed(12, 12, 2), "consul-client-0 has a certificate of CA 12, which caKeys does not list"),
        ("2 3", printed(3, 12, 3), "consul-client-0 does not trust CA 2, which would sign"),
        ("1", "curl: (7) refused\n", "consul-client-0 does not answer: curl: (7) refused"),
        (
            "1",
            printed(1, 1).replace("Consul CA", "Another CA"),
            "consul-client-0 has a certificate of CA unknown, which caKeys does not list",
        ),
    ],
)
def test_an_agent_that_is_not_ready_is_named(tmp_path: Path, wanted: str, agent: str, complaint: str) -> None:
    signs, *others = map(int, wanted.split())
    code, said = check(tmp_path, wanted, printed(signs, signs, *others), agent)
    assert code == 1
    assert said.splitlines()[1:-2] == [complaint]
    assert "If caKeys has changed, set it back and run pulumi up" in said


def test_only_an_agent_that_does_not_answer_may_be_missing(tmp_path: Path) -> None:
    assert check(tmp_path, "1", printed(1, 1), "curl: (7) refused\n", allowed=True) == (0, "")
    code, said = check(tmp_path, "2 1", printed(1, 1, 2), printed(1, 1), allowed=True)
    assert code == 1
    assert "consul-client-0 does not trust CA 2" in said


def test_a_server_that_is_not_ready_is_named_too(tmp_path: Path) -> None:
    code, said = check(tmp_path, "2 1", printed(1, 1), printed(1, 1))
    assert code == 1
    assert said.splitlines()[1:-2] == [f"{name} does not trust CA 2, which would sign" for name in AGENTS]


def test_agents_that_become_ready_in_time_are_ready(tmp_path: Path) -> None:
    (tmp_path / "later").write_text(printed(1, 1, 2))
    assert check(tmp_path, "2 1", printed(1, 1, 2), printed(1, 1)) == (0, "")
