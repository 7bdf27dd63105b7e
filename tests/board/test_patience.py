"""A slow board gets more time for its answers, and is asked less often."""

import json
from collections.abc import Sequence

import pytest

from sis_agent.schema import DONE, PROTOCOL_VERSION, RUNNING
from sis_edge.board.agent_client import AgentClient, AgentSilentError
from sis_edge.board.events import ignore
from sis_edge.board.patience import LONGEST_ANSWER_S, Patience
from sis_edge.board.session import BoardSession
from sis_edge.board.started import StartedJob
from sis_edge.profiles import AgentSettings
from sis_edge.transport import Completed, LocalTransport
from sis_edge.transport.base import CommandTimeoutError
from tests.tiny_bundle import tiny_profile


class Asked(LocalTransport):
    """A board whose agent answers that a job runs, `polls` times, each at that cost; None: it says nothing in time."""

    def __init__(self, cost_s: float | None, polls: int = 0) -> None:
        super().__init__()
        self.cost_s, self.polls = cost_s, polls
        self.limits_s: list[float] = []

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        self.limits_s.append(timeout_s)
        if self.cost_s is None:
            raise CommandTimeoutError("nothing")
        state = DONE if len(self.limits_s) > self.polls else RUNNING
        answer = {"job_id": "j", "state": state, "pid": 1, "problem": None, "progress": [], "next": 0}
        line = {"protocol": PROTOCOL_VERSION, "agent": "", "cpu_s": self.cost_s, "ok": True}
        return Completed(0, json.dumps(line | {"answer": answer | {"record_sha256": None}}), "")


@pytest.mark.parametrize("cost_s", [0.05, 0.4, 1.2])
def test_questions_cost_a_small_share_of_a_core(cost_s: float) -> None:
    """Over an hour's job; the pauses are the polls, the clock is theirs."""
    now_s, pauses_s = 0.0, []

    def sleep(pause_s: float) -> None:
        nonlocal now_s
        now_s += pause_s
        pauses_s.append(pause_s)

    board = Asked(cost_s, polls=10**6)
    patience = Patience(sleep=sleep, clock=lambda: now_s)
    session = BoardSession(board, tiny_profile(), ignore, patience)
    original = session.agent.status

    def status(job_id: str, since: int = 0):  # type: ignore[no-untyped-def]
        board.polls = 0 if now_s > 3600 else 10**6
        return original(job_id, since)

    session.agent.status = status  # type: ignore[method-assign]
    StartedJob(session, "j").follow()
    assert len(pauses_s) * cost_s / now_s <= 0.04
    assert pauses_s[-1] == pytest.approx(50 * cost_s)
    assert pauses_s[0] == max(patience.poll_s, 10 * (cost_s - 0.2))


def test_an_answer_that_does_not_come_is_given_more_time() -> None:
    board = Asked(None)
    agent = AgentClient(board, AgentSettings(), timeout_s=60.0)
    for _ in range(6):
        with pytest.raises(AgentSilentError, match="did not answer within"):
            agent.status("j")
    assert board.limits_s == [60, 120, 240, 480, LONGEST_ANSWER_S, LONGEST_ANSWER_S]


def test_patience_follows_the_first_answer_within_bounds() -> None:
    usual, slow, dead = (Patience().for_board(answer_s) for answer_s in (0.1, 8.0, 1e6))
    assert usual == Patience()
    assert (slow.answer_s, slow.lost_s, slow.overtime_s) == (240.0, 1200.0, 1200.0)
    assert dead.answer_s == 10 * usual.answer_s
    assert (slow.poll_s, slow.first_pause_s) == (usual.poll_s, usual.first_pause_s)
