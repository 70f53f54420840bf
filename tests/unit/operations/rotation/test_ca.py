"""A rotation of the CA's key, and where an interrupted one goes on."""

import pytest

from operations.commands import OperationError
from operations.rotation.ca import ca_steps, rotate_ca
from operations.server import Server
from operations.state import RecordedCluster
from tests.support.rotation import SERVER, TARGET, Stack, answer_no, fail_and_repeat, stack

ALL = [[1, 2], [2, 1], [2], [2]]


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack whose agents have a certificate of the CA that signs, and trust those which were confirmed."""
    agents = stack("caKeys", monkeypatch)

    def answer(server: Server, _script: str, *certificates: str) -> str:
        signs, *others = (f"CA {generation:.0f}\n" for generation in agents.confirmed["caKeys"])
        codes = [f"code {0 if certificate == signs else 60}\n" for certificate in certificates]
        if server.pod == "consul-client-2" and agents.answer:
            return agents.answer
        return "".join([signs, *others, *codes])

    monkeypatch.setattr(Server, "run", answer)
    return agents


@pytest.mark.parametrize(
    ("current", "confirmed", "restarted", "coming"),
    [
        ([1], [1], 0, ALL),
        ([1, 2], [1], 0, ALL),
        ([1, 2], [1, 2], 0, ALL[1:]),
        ([2, 1], [1, 2], 0, ALL[1:]),
        ([2, 1], [2, 1], 0, ALL[2:]),
        ([2], [2, 1], 0, ALL[2:]),
        ([2], [2], 0, ALL[3:]),
        ([2], [2], 1, [[2, 3], [3, 2], [3], [3]]),
    ],
)
def test_a_rotation_goes_on_from_where_it_is(
    current: list[int], confirmed: list[int], restarted: int, coming: list[list[int]]
) -> None:
    mark = {"caKeys": confirmed, "removedCas": float(confirmed == [2]), "clientsRestartedFor": float(restarted)}
    cluster = RecordedCluster(SERVER.naming, {}, {"consul-healthy": mark})
    assert ca_steps(current, cluster) == coming


def test_four_updates_replace_the_key(agents: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    said = rotate_ca(TARGET, SERVER)
    assert agents.updates == ALL
    assert "12 writes were acknowledged during the updates, and none is lost" in said
    printed = capsys.readouterr().out
    assert printed.count("which has both CAs: run pulumi up in the projects that use it") == 1
    assert printed.index("Step 1 of 4: caKeys is [1, 2]") < printed.index("Before CA 2 signs")
    assert printed.index("Before CA 2 signs") < printed.index("Step 2 of 4: caKeys is [2, 1]")
    assert "All 6 agents trust CA 2 alone and have its certificates; the old CA verifies none of them" in printed


@pytest.mark.parametrize("succeed", [0, 1, 2, 3])
def test_the_same_command_goes_on_after_an_update_that_failed(agents: Stack, succeed: int) -> None:
    fail_and_repeat(agents, rotate_ca, succeed)
    assert agents.updates == ALL


def test_a_failure_after_the_last_step_begins_no_other_rotation(agents: Stack) -> None:
    agents.late = len(ALL)
    with pytest.raises(OperationError, match="But pulumi up failed afterwards"):
        rotate_ca(TARGET, SERVER)
    agents.late, agents.updates = 3, []
    agents.generations, agents.confirmed = [1], True
    with pytest.raises(OperationError, match="an Ingress was not ready"):
        rotate_ca(TARGET, SERVER)
    rotate_ca(TARGET, SERVER)
    assert agents.updates == ALL


def test_nothing_more_happens_before_the_other_projects_are_ready(
    agents: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_no(rotate_ca, monkeypatch)
    assert agents.updates == [[1, 2]]


@pytest.mark.parametrize(
    "answer",
    [
        "CA 2\nCA 1\ncode 0\ncode 60\n",
        "CA 2\ncode 60\ncode 0\n",
        "CA 2\ncode 0\ncode 0\n",
        "CA 2\ncode 0\ncode 28\n",
    ],
)
def test_an_agent_with_the_old_ca_is_no_proof(agents: Stack, answer: str) -> None:
    agents.answer = answer
    with pytest.raises(OperationError, match="consul-client-2 does not have a certificate of CA 2"):
        rotate_ca(TARGET, SERVER)
