"""The scripts that check and change the gossip keys, with fake members, and a clock that takes no time."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.agents.agent_config import gossip_key
from components.kubernetes.scripts import read_script
from components.trust.fingerprint import fingerprint
from tests.support import fake_keyring
from tests.support.scripts import fake_clock, write_program

SCRIPTS = Path(__file__).parents[4] / "components" / "health" / "scripts"
ROTATE = read_script(SCRIPTS / "gossip.sh", SCRIPTS / "rotate_gossip.sh")
CHECK = read_script(SCRIPTS / "gossip.sh", SCRIPTS / "check_gossip.sh")

KEYS = [gossip_key(str(number)) for number in range(5)]
ONE, TWO, THREE = KEYS[1:4]

# As in the health check: until nothing is missing.
UNTIL_ROTATED = """
left=20
while found=$(rotate); [ -n "$found" ]; do
    echo "$found"
    left=$((left - 1))
    [ $left != 0 ] || exit 1
done"""


def run(
    folder: Path,
    script: str,
    wanted: Sequence[str],
    *,
    declared: int | None = None,
    fingerprints: str = "",
    allowed: bool = False,
) -> tuple[int, str]:
    """Run a script with declared keys, and return its exit code and output. No program may have a key as argument.

    `declared` is the number of members declared; by default, all that there are.
    """
    count = declared or len(json.loads((folder / "members.json").read_text()))
    (folder / "wanted").write_text(json.dumps(list(wanted)))
    (folder / "token").write_text("the token")
    fake_clock(folder)
    curl = folder / "curl"
    curl.write_text(f"#!{sys.executable}\n{Path(fake_keyring.__file__).read_text()}")
    curl.chmod(0o755)
    for program in ("curl", "sed", "tr", "cut", "sha256sum", "cat", "date"):
        log_arguments(folder, program)
    environment = {
        "PATH": f"{folder}/logged:{folder}:/usr/bin:/bin",
        "KEYRING": str(folder / "wanted"),
        "GOSSIP_FINGERPRINTS": fingerprints or " ".join(map(fingerprint, wanted)),
        "MEMBERS": " ".join(f"client:consul-client-{number}" for number in range(count)),
        "ALLOW_DEGRADED": str(allowed).lower(),
        "CONSUL_CACERT": "ca.pem",
        "CONSUL_HTTP_ADDR": "https://consul.here.svc:8501",
        "CONSUL_HTTP_TOKEN_FILE": str(folder / "token"),
        "TIMEOUT": "5",
    }
    result = subprocess.run(
        ["sh", "-uc", script], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.stderr == ""
    arguments = (folder / "arguments").read_text()
    for secret in (*KEYS, "the token"):
        assert secret not in arguments
        assert secret not in result.stdout
    if "/v1/operator/keyring" in arguments:
        assert (folder / "header").read_text() == "X-Consul-Token: the token"
    return result.returncode, result.stdout


def log_arguments(folder: Path, program: str) -> None:
    logged = folder / "logged"
    logged.mkdir(exist_ok=True)
    # The next program of this name on the PATH.
    write_program(logged, program, f'echo "$*" >> {folder}/arguments\nPATH={folder}:/usr/bin:/bin exec {program} "$@"')


def members(folder: Path, *keyrings: Sequence[str], misses: Sequence[int | None] = ()) -> None:
    (folder / "members.json").write_text(json.dumps(list(keyrings)))
    (folder / "misses.json").write_text(json.dumps(list(misses)))
    (folder / "changes").write_text("")


def changes(folder: Path) -> list[str]:
    return (folder / "changes").read_text().splitlines()


@pytest.mark.parametrize(
    ("before", "wanted", "steps"),
    [
        ([ONE], [ONE], []),
        ([ONE], [ONE, TWO], [f"POST {TWO}"]),
        ([ONE, TWO], [TWO, ONE], [f"PUT {TWO}"]),
        ([TWO, ONE], [TWO], [f"DELETE {ONE}"]),
        ([TWO, ONE], [TWO, THREE], [f"POST {THREE}", f"DELETE {ONE}"]),
        # Keys that others have set.
        ([THREE], [ONE], [f"POST {ONE}", f"PUT {ONE}", f"DELETE {THREE}"]),
    ],
)
def test_all_members_get_the_declared_keys(
    tmp_path: Path, before: list[str], wanted: list[str], steps: list[str]
) -> None:
    members(tmp_path, *[before] * 6)
    code, _ = run(tmp_path, ROTATE + UNTIL_ROTATED, wanted)
    assert (code, changes(tmp_path)) == (0, steps)
    assert json.loads((tmp_path / "members.json").read_text()) == [wanted] * 6
    assert not (tmp_path / "broken").exists()


KEYRING = st.permutations(KEYS[1:4]).flatmap(lambda keys: st.integers(1, 3).map(lambda count: list(keys[:count])))


@given(
    st.lists(KEYRING, min_size=2, max_size=4).filter(fake_keyring.readable),
    st.permutations(KEYS[1:4]).map(lambda keys: list(keys[:2])),
    st.lists(st.none() | st.integers(0, 3), max_size=4),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_member_can_read_all_messages_at_each_step(
    tmp_path: Path, before: list[list[str]], wanted: list[str], misses: list[int | None]
) -> None:
    members(tmp_path, *before, misses=misses)
    (tmp_path / "broken").unlink(missing_ok=True)
    code, said = run(tmp_path, ROTATE + UNTIL_ROTATED, wanted)
    assert code == 0, said
    assert not (tmp_path / "broken").exists()
    after = json.loads((tmp_path / "members.json").read_text())
    assert all(keys[0] == wanted[0] and set(keys) == set(wanted) for keys in after)


def test_a_member_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    members(tmp_path, [ONE], [ONE], misses=[1] * 30)
    code, said = run(tmp_path, ROTATE + UNTIL_ROTATED, [ONE, TWO])
    assert code == 1
    assert "1/2 nodes reported success" in said
    assert f"The gossip key with the fingerprint {fingerprint(TWO)} is not installed on every member" in said


@pytest.mark.parametrize("wanted", [[ONE, TWO], [TWO, ONE], [ONE], [ONE, THREE]])
def test_members_that_have_the_new_primary_key_are_ready(tmp_path: Path, wanted: list[str]) -> None:
    members(tmp_path, [ONE, TWO], [ONE, TWO])
    assert run(tmp_path, f"{CHECK}check_gossip", wanted) == (0, "")
    assert changes(tmp_path) == []


@pytest.mark.parametrize(
    ("keyrings", "wanted", "reason"),
    [
        ([[ONE], [ONE, TWO]], [TWO, ONE], f"Not every member has the key with the fingerprint {fingerprint(TWO)}"),
        ([[ONE, TWO], [TWO, ONE]], [TWO], f"1 of 2 members use the key with the fingerprint {fingerprint(ONE)}"),
        ([[ONE, TWO], [ONE, TWO]], [TWO], f"2 of 2 members use the key with the fingerprint {fingerprint(ONE)}"),
    ],
)
def test_members_that_could_not_read_all_messages_are_not_ready(
    tmp_path: Path, keyrings: list[list[str]], wanted: list[str], reason: str
) -> None:
    members(tmp_path, *keyrings)
    code, said = run(tmp_path, f"{CHECK}check_gossip", wanted)
    assert code == 1
    assert reason in said
    assert "Their keys have not changed" in said


@pytest.mark.parametrize(("allowed", "code"), [(False, 1), (True, 0)])
def test_members_that_do_not_answer_are_not_ready_unless_the_cluster_may_be_degraded(
    tmp_path: Path, allowed: bool, code: int
) -> None:
    members(tmp_path, [ONE], [ONE])
    (tmp_path / "silent").touch()
    assert run(tmp_path, f"{CHECK}check_gossip", [ONE], allowed=allowed)[0] == code


def test_a_member_that_is_missing_is_not_confirmed(tmp_path: Path) -> None:
    members(tmp_path, [ONE], [ONE])
    code, said = run(tmp_path, ROTATE + UNTIL_ROTATED, [ONE, TWO], declared=3)
    assert (code, changes(tmp_path)) == (1, [])
    assert "2 members have answered, and 3 are declared" in said


def test_a_file_that_is_not_up_to_date_is_not_used(tmp_path: Path) -> None:
    members(tmp_path, [ONE], [ONE])
    code, said = run(tmp_path, ROTATE + UNTIL_ROTATED, [ONE], fingerprints=f"{fingerprint(ONE)} {fingerprint(TWO)}")
    assert (code, changes(tmp_path)) == (1, [])
    assert "does not have the declared keys yet" in said
