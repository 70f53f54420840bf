"""The pre-flight check's script, with a fake `consul` and `curl`, and a clock that takes no time."""

import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from components.kubernetes.scripts import read_script
from components.settings import MOST_SERVERS
from tests.support.autopilot import AUTOPILOT_HEADER, autopilot_server, raft_id
from tests.support.scripts import fake_clock, write_program

COMPONENTS = Path(__file__).parents[4] / "components"
SCRIPTS = COMPONENTS / "health" / "scripts"
# The agents are ready for the declared keys.
READY = "check_gossip() { :; }\ncheck_ca() { :; }\n"
SCRIPT = READY + read_script(
    COMPONENTS / "agents" / "scripts" / "servers.sh",
    *(SCRIPTS / name for name in ("expired.sh", "preflight.sh")),
)


def preflight(
    folder: Path,
    *,
    before: int = 3,
    after: int = 3,
    dead: Collection[int] = (),
    leader: int = 0,
    allowed: bool = False,
    voters: Collection[int] | None = None,
    unseen: Collection[int] = (),
    quorum: int | None = None,
    doubts: int = 0,
    started: str = "2020-01-01T00:00:00.5Z",
    returns: Collection[int] = (),
    silent: int = 0,
) -> tuple[int, str, list[str]]:
    """Run the script on a cluster of `before` servers of which `after` stay.

    `unseen` servers are dead too, but autopilot does not know it yet. `quorum` is autopilot's MinQuorum. After each
    leave, autopilot takes all servers for unhealthy in `doubts` answers. `started` is when the leader's process
    started. Servers that have left vote again at autopilot's next reconciliations: at each one a server of `returns`.
    For `silent` seconds, DNS does not answer.

    Return the exit code, the output, and the calls that change the cluster. A server that leaves is a non-voter
    afterwards.
    """
    raft = range(before) if voters is None else voters
    for server in raft:
        status = "leader" if server == leader else "voter"
        (folder / f"server-{server}").write_text(autopilot_server(server, status, healthy=server not in dead))
    (folder / "header").write_text(AUTOPILOT_HEADER)
    (folder / "dead").write_text(" ".join(f"consul-{server}" for server in (*dead, *unseen)))
    write_program(
        folder,
        "consul",
        f"""
name=${{CONSUL_HTTP_ADDR#https://}}; name=${{name%%.*}}
case "$*" in
*get-config*) echo "MinQuorum = {before if quorum is None else quorum}" ;;
*-format=json) echo '"StableSince": "{started}",' ;;
*"autopilot state")
    if [ -s {folder}/doubts ]; then
        sed -i 1d {folder}/doubts
        cat {folder}/header {folder}/server-* | sed '/Healthy: /s/true/false/'
    else
        cat {folder}/header {folder}/server-*
    fi ;;
*list-peers)
    [ $(wc -l < {folder}/ticks) -gt {silent} ] || {{ echo "lookup $name.consul.here.svc: i/o timeout" >&2; exit 1; }}
    echo "lookup $name.consul.here.svc: no such host" >&2; exit 1 ;;
leave)
    case " $(cat {folder}/dead) " in *" $name "*) exit 1 ;; esac
    echo "$name leaves" >> {folder}/calls
    yes | head -n {doubts} > {folder}/doubts
    sed -i 's/ leader$/ voter/; s/ voter$/ non-voter/' {folder}/server-${{name#*-}} ;;
*transfer-leader*)
    echo "$*" >> {folder}/calls
    sed -i 's/ leader$/ voter/' {folder}/server-*; sed -i 's/ voter$/ leader/' {folder}/server-0 ;;
force-leave*) echo "$*" >> {folder}/calls; rm {folder}/server-${{2#*-}} ;;
*) echo "$*" >> {folder}/calls ;;
esac
""",
    )
    # A server that is dead, or that does not exist, does not answer.
    write_program(
        folder,
        "curl",
        f"[ $(wc -l < {folder}/ticks) -gt {silent} ] || {{ echo 'Resolving timed out' >&2; exit 28; }}\n"
        f'for word in "$@"; do case $word in https://*) name=${{word#https://}};; esac; done; name=${{name%%.*}}\n'
        f'case " $(cat {folder}/dead) " in *" $name "*) echo refused >&2; exit 7;; esac\n'
        f"[ -e {folder}/server-${{name#*-}} ] || {{ echo refused >&2; exit 7; }}\necho '[\"10.96.0.1:8300\"]'",
    )
    (folder / "returns").write_text("".join(f"{server}\n" for server in returns))
    return run(folder, after, allowed=allowed)


def without_answer(folder: Path, why: str) -> None:
    """Let no server answer: `consul` fails with this message."""
    write_program(folder, "curl", "echo 'Connection timed out' >&2; exit 28")
    write_program(folder, "consul", f"echo '{why}' >&2; exit 1")


def run(folder: Path, servers: int, *, allowed: bool = False, starts_over: bool = False) -> tuple[int, str, list[str]]:
    fake_clock(folder)
    write_program(
        folder,
        "sleep",
        f"""
[ $1 = 12 ] && [ -s {folder}/returns ] || exit 0
sed -i 's/ non-voter$/ voter/' {folder}/server-$(head -n 1 {folder}/returns)
sed -i 1d {folder}/returns""",
    )
    (folder / "calls").touch()
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "SERVERS": " ".join(f"consul-{server}" for server in range(servers)),
        "EVERY_SERVER": " ".join(f"consul-{server}" for server in range(MOST_SERVERS)),
        "CONSUL_HTTP_ADDR": "https://consul.here.svc:8501",
        "CONSUL_CACERT": "/tls/ca.pem",
        "ALLOW_DEGRADED": str(allowed).lower(),
        "STARTS_OVER": str(starts_over).lower(),
        "TIMEOUT": "20",
        "RELOAD_TIMEOUT": "100",
    }
    result = subprocess.run(
        ["sh", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.stderr == ""
    calls = [call for call in (folder / "calls").read_text().splitlines() if "set-config" not in call]
    return result.returncode, result.stdout, calls


def test_a_cluster_that_starts_over_is_not_checked(tmp_path: Path) -> None:
    code, said, calls = run(tmp_path, 3, starts_over=True)
    assert (code, calls) == (0, [])
    assert "starts over" in said


@pytest.mark.parametrize("check", ["check_gossip", "check_ca"])
def test_agents_that_are_not_ready_for_other_keys_are_not_updated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    monkeypatch.setattr(
        f"{__name__}.SCRIPT", SCRIPT.replace(f"{check}() {{ :; }}", f"{check}() {{ echo no; return 1; }}")
    )
    code, said, calls = preflight(tmp_path)
    assert (code, calls) == (1, [])
    assert said.splitlines()[-1] == "no"


def test_a_whole_cluster_may_be_updated(tmp_path: Path) -> None:
    code, said, calls = preflight(tmp_path)
    assert (code, calls) == (0, [])
    assert "may be updated" in said


@pytest.mark.parametrize("dead", [0, 1, 2])
def test_a_missing_server_is_named_and_nothing_is_changed(tmp_path: Path, dead: int) -> None:
    code, said, calls = preflight(tmp_path, dead=[dead], leader=(dead + 1) % 3)
    assert (code, calls) == (1, [])
    assert f"consul-{dead} is not a healthy voter" in said
    assert "allowDegraded" in said


def test_a_server_is_missing_as_soon_as_it_does_not_run(tmp_path: Path) -> None:
    code, said, calls = preflight(tmp_path, before=5, after=3, unseen=[0], leader=1)
    assert (code, calls) == (1, [])
    assert "consul-0 is not a healthy voter" in said


def test_a_dead_voter_of_an_interrupted_update_is_missing(tmp_path: Path) -> None:
    # Two of the five servers joined and died before the health check had stored the new number.
    code, said, _ = preflight(tmp_path, before=5, after=5, quorum=3, dead=[3, 4])
    assert code == 1
    assert "consul-3 is not a healthy voter" in said


def test_before_the_first_health_check_every_declared_server_must_vote(tmp_path: Path) -> None:
    code, said, _ = preflight(tmp_path, before=2, after=3, quorum=0)
    assert code == 1
    assert "consul-2 is not a healthy voter" in said


def test_a_server_that_autopilot_has_removed_is_missed(tmp_path: Path) -> None:
    code, said, calls = preflight(tmp_path, before=5, after=3, voters=[1, 2, 3, 4], leader=1)
    assert (code, calls) == (1, [])
    assert "consul-0 is not a healthy voter (in Raft: no;" in said


@pytest.mark.parametrize(("before", "stored"), [(3, 2), (7, 4)])
def test_earlier_versions_stored_the_majority(tmp_path: Path, before: int, stored: int) -> None:
    raft = range(before - 1)
    code, said, _ = preflight(tmp_path, before=before, after=before, quorum=stored, voters=raft)
    assert code == 1
    assert f"consul-{before - 1} is not a healthy voter (in Raft: no;" in said


@pytest.mark.parametrize(("after", "stored"), [(5, False), (3, True)])
def test_the_number_of_servers_is_stored_when_others_have_left(tmp_path: Path, after: int, stored: bool) -> None:
    preflight(tmp_path, before=5, after=after, voters=range(after))
    last = (tmp_path / "calls").read_text().splitlines()[-1]
    assert (last == f"operator autopilot set-config -min-quorum={after}") is stored


def test_new_servers_may_be_missing(tmp_path: Path) -> None:
    assert preflight(tmp_path, before=3, after=5)[0] == 0


def test_servers_that_are_to_go_leave_one_by_one_highest_first(tmp_path: Path) -> None:
    code, _, calls = preflight(tmp_path, before=5, after=3)
    assert (code, calls) == (0, ["consul-4 leaves", "consul-3 leaves"])


@pytest.mark.parametrize(("returns", "code"), [([3], 0), ([4, 3], 0), ([4, 3, 4], 1)])
def test_a_server_that_votes_again_leaves_again(tmp_path: Path, returns: list[int], code: int) -> None:
    result, said, calls = preflight(tmp_path, before=5, after=3, returns=returns)
    assert result == code
    assert calls == ["consul-4 leaves", "consul-3 leaves", *(f"consul-{server} leaves" for server in returns[:2])]
    assert ("vote again" in said) is (code == 1)


def test_a_leader_that_is_to_go_hands_over_first(tmp_path: Path) -> None:
    _, _, calls = preflight(tmp_path, before=5, after=3, leader=4)
    assert calls == [f"operator raft transfer-leader -id={raft_id(0)}", "consul-4 leaves", "consul-3 leaves"]


def test_no_server_leaves_while_a_young_leader_would_let_it_vote_again_at_once(tmp_path: Path) -> None:
    code, _, calls = preflight(tmp_path, before=5, after=3, started="2023-11-14T22:13:20.5Z")
    assert (code, calls) == (0, ["consul-4 leaves", "consul-3 leaves"])
    assert (tmp_path / "ticks").read_text().count("\n") > 75


def test_a_dead_server_that_is_to_go_is_removed(tmp_path: Path) -> None:
    code, _, calls = preflight(tmp_path, before=5, after=3, dead=[4])
    assert (code, calls) == (0, ["force-leave consul-4", "consul-3 leaves"])


def test_a_server_waits_to_leave_until_the_others_look_healthy(tmp_path: Path) -> None:
    code, _, calls = preflight(tmp_path, before=5, after=3, doubts=5)
    assert (code, calls) == (0, ["consul-4 leaves", "consul-3 leaves"])


def test_dead_servers_leave_before_healthy_ones(tmp_path: Path) -> None:
    code, _, calls = preflight(tmp_path, before=5, after=3, dead=[0, 3], leader=1, allowed=True)
    assert (code, calls) == (0, ["force-leave consul-3", "consul-4 leaves"])


def test_no_server_leaves_if_another_one_has_just_died(tmp_path: Path) -> None:
    code, said, calls = preflight(tmp_path, before=5, after=3, dead=[0], unseen=[1], leader=2, allowed=True)
    assert (code, calls) == (1, [])
    assert "consul-4 cannot leave" in said


def test_a_degraded_cluster_shrinks_only_if_allowed(tmp_path: Path) -> None:
    (tmp_path / "refused").mkdir()
    assert preflight(tmp_path / "refused", before=5, after=3, dead=[0], leader=1)[0] == 1
    code, said, calls = preflight(tmp_path, before=5, after=3, dead=[0], leader=1, allowed=True)
    assert (code, calls) == (0, ["consul-4 leaves", "consul-3 leaves"])
    assert "although not every server is a healthy voter" in said


@pytest.mark.parametrize(("silent", "code"), [(10, 0), (200, 1)])
def test_an_allowed_update_waits_for_the_first_answer(tmp_path: Path, silent: int, code: int) -> None:
    # The network policies of a new pod may take some seconds.
    assert preflight(tmp_path, before=5, after=3, dead=[0], leader=1, allowed=True, silent=silent)[0] == code


def test_no_server_leaves_a_minority_behind_even_if_allowed(tmp_path: Path) -> None:
    code, said, calls = preflight(tmp_path, before=5, after=3, dead=[0, 1], leader=2, allowed=True)
    assert (code, calls) == (1, [])
    assert "consul-4 cannot leave: of the 4 voters that would remain, only 2 are healthy" in said


@pytest.mark.parametrize(("after", "code"), [(3, 0), (5, 0), (1, 1)])
def test_without_a_leader_an_allowed_update_removes_no_server(tmp_path: Path, after: int, code: int) -> None:
    peers = """echo '["10.96.0.1:8300","10.96.0.2:8300","10.96.0.3:8300"]'"""
    write_program(tmp_path, "curl", f'case "$*" in *consul-0*) {peers} ;; *) exit 6 ;; esac')
    answers = '*get-config*) echo "MinQuorum = 3"; exit ;; *consul-0*) echo "No leader" ;; *) echo ": no such host" ;;'
    write_program(tmp_path, "consul", f'case "$* $CONSUL_HTTP_ADDR" in {answers} esac >&2; exit 1')
    assert run(tmp_path, after)[0] == 1
    assert run(tmp_path, after, allowed=True)[0] == code


def test_without_servers_there_is_no_cluster_to_protect(tmp_path: Path) -> None:
    code, said, calls = preflight(tmp_path, voters=[])
    assert (code, calls) == (0, [])
    assert "No server reports a cluster" in said


def test_servers_that_dns_does_not_know_are_not_taken_for_missing(tmp_path: Path) -> None:
    # Somebody has deleted the headless Service. The servers' own Services still lead to them.
    write_program(tmp_path, "curl", 'case "$*" in *://consul-[0-4].here.svc:*) ;; *) exit 6 ;; esac')
    write_program(tmp_path, "consul", "echo 'lookup consul-0.consul.here.svc: no such host' >&2; exit 1")
    code, said, calls = run(tmp_path, 3)
    assert (code, calls) == (1, [])
    assert "consul-4 runs, but the Service consul does not list it" in said


def test_servers_that_never_formed_a_cluster_may_be_updated(tmp_path: Path) -> None:
    write_program(tmp_path, "curl", "echo '[]'")
    assert run(tmp_path, 3)[0] == 0


REFUSED_BY_AGENT = "dial tcp 10.244.1.2:8501: connect: connection refused"
REFUSED_BY_DNS = "lookup consul-0 on 10.96.0.10:53: read udp 10.96.0.10:53: read: connection refused"


def test_servers_that_crash_before_they_listen_may_be_updated(tmp_path: Path) -> None:
    without_answer(tmp_path, REFUSED_BY_AGENT)
    assert run(tmp_path, MOST_SERVERS)[0] == 0
    assert run(tmp_path, 3)[0] == 1, "the servers that are to go may be voters"


@pytest.mark.parametrize("why", ["i/o timeout", REFUSED_BY_DNS, "server misbehaving"])
def test_a_server_that_does_not_answer_is_not_taken_for_dead(tmp_path: Path, why: str) -> None:
    without_answer(tmp_path, why)
    code, said, _ = run(tmp_path, 3)
    assert code == 1
    assert "consul-0 does not answer" in said


def test_servers_with_expired_certificates_get_time_to_read_new_ones(tmp_path: Path) -> None:
    without_answer(tmp_path, "tls: failed to verify certificate: x509: certificate has expired or is not yet valid")
    write_program(tmp_path, "curl", "echo 'curl: (60) SSL certificate problem: certificate has expired' >&2; exit 60")
    code, said, calls = run(tmp_path, 3)
    assert (code, calls) == (1, [])
    assert "certificate has expired" in said
    # The clock ticks at each look.
    assert len((tmp_path / "ticks").read_text()) > 100 + 20


def test_servers_that_do_not_answer_may_be_updated_if_allowed(tmp_path: Path) -> None:
    without_answer(tmp_path, "x509: certificate has expired")
    write_program(tmp_path, "curl", "printf 'curl: (60) expired\nMore details here: https://curl.se\n' >&2; exit 60")
    assert run(tmp_path, MOST_SERVERS)[0] == 1
    assert run(tmp_path, MOST_SERVERS, allowed=True)[0] == 0


def test_without_a_leader_the_number_of_servers_does_not_shrink(tmp_path: Path) -> None:
    # Autopilot has removed two of five servers from Raft, and then two of the rest crash.
    write_program(tmp_path, "curl", """case "$*" in *consul-0*) echo '["1","2","3"]' ;; *) exit 7 ;; esac""")
    answers = (
        f'*get-config*) echo "MinQuorum = 5"; exit ;; *consul-0*) echo "No leader" ;; *) echo "{REFUSED_BY_AGENT}" ;;'
    )
    write_program(tmp_path, "consul", f'case "$* $CONSUL_HTTP_ADDR" in {answers} esac >&2; exit 1')
    code, said, _ = run(tmp_path, 3, allowed=True)
    assert code == 1
    assert "Before, it was 5" in said


def test_servers_that_restarted_without_a_leader_may_be_updated_if_allowed(tmp_path: Path) -> None:
    # Raft has applied nothing since the restart, so the server does not know autopilot's configuration.
    write_program(tmp_path, "curl", """echo '["1","2","3"]'""")
    write_program(tmp_path, "consul", "echo 'autopilot config not initialized yet' >&2; exit 1")
    assert run(tmp_path, MOST_SERVERS, allowed=True)[0] == 0


def test_a_voter_whose_name_the_leader_does_not_know_is_a_problem_but_cannot_leave(tmp_path: Path) -> None:
    nameless = autopilot_server(4, "voter", healthy=False).replace("consul-4", "")
    (tmp_path / "server-nameless").write_text(nameless)
    assert preflight(tmp_path)[0] == 1
    code, _, calls = preflight(tmp_path, allowed=True)
    assert (code, calls) == (0, [])


def test_servers_that_do_not_answer_are_not_removed_even_if_allowed(tmp_path: Path) -> None:
    without_answer(tmp_path, "i/o timeout")
    code, said, _ = run(tmp_path, 3, allowed=True)
    assert code == 1
    assert "set serverReplicas back" in said


def test_servers_that_are_to_go_protect_a_cluster_whose_others_are_down(tmp_path: Path) -> None:
    code, said, calls = preflight(tmp_path, before=5, after=3, voters=[3, 4], leader=9)
    assert (code, calls) == (1, [])
    assert "consul-4 member" in said
