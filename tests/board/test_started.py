"""A job that was started: its turn in the queue, and what is said and done whatever ends the waiting."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from agent.board import FOR_EVER, Board, null_job
from sshd import Proxy, Server
from tiny_bundle import tiny_bundle, tiny_profile

from sis_agent.schema import CANCELLED, DONE, QUEUED, RUNNING, Facts
from sis_edge.board import deploy, jobs_on_board
from sis_edge.board.agent_client import AgentClient, AgentSilentError, JobStatus, Started
from sis_edge.board.attendance import Attendance
from sis_edge.board.events import Event
from sis_edge.board.patience import Patience
from sis_edge.board.session import BoardSession
from sis_edge.board.started import StartedJob
from sis_edge.errors import AgentError, BoardError, EndRequest, Interruption, TransportError
from sis_edge.profiles import DeviceProfile
from sis_edge.transport import LocalTransport, UnreachableError

QUICK = Patience(first_pause_s=0.01, longest_pause_s=0.02, poll_s=0.01, lost_s=0.05)
PI = Attendance(way=("--host", "pi", "--identity", "a key"))
FETCH = "`sis-edge jobs fetch j1 --host pi --identity 'a key'`"
CANCEL = "`sis-edge jobs cancel j1 --host pi --identity 'a key'`"


def status(state: str = RUNNING, **fields: Any) -> JobStatus:
    return JobStatus("j1", state, 7, None, [], 0, None)._replace(**fields)


class ScriptedAgent:
    """An agent that answers as it was told to, or raises that."""

    root = ".sis-edge"
    query_s = 0.0

    def __init__(self, *statuses: JobStatus | BaseException, cancelled: Any = CANCELLED, started: Any = None) -> None:
        self.statuses = list(statuses)
        self.cancelled = cancelled
        self.started = started or Started("j1", 7)
        self.calls: list[str] = []

    def start(self, job_id: str, *, queue: bool = False) -> Started:
        self.calls.append(f"start {job_id}{' --queue' if queue else ''}")
        return cast(Started, _given(self.started))

    def status(self, job_id: str, since: int = 0) -> JobStatus:
        """The last answer is given for ever."""
        return cast(JobStatus, _given(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]))

    def cancel(self, job_id: str) -> str:
        self.calls.append(f"cancel {job_id}")
        return str(_given(self.cancelled))


def _given(answer: Any) -> Any:
    if isinstance(answer, BaseException):
        raise answer
    return answer


def started_job(
    agent: ScriptedAgent, folder: Path, attendance: Attendance = PI, on_event: Callable[[Event], None] | None = None
) -> StartedJob:
    return StartedJob(session_with(agent, folder, on_event), "j1", attendance)


def session_with(agent: ScriptedAgent, folder: Path, on_event: Callable[[Event], None] | None = None) -> BoardSession:
    session = BoardSession(LocalTransport(folder), tiny_profile(), on_event or (lambda event: None), QUICK)
    session.agent = cast(AgentClient, agent)
    return session


@pytest.mark.parametrize(
    ("answer", "said", "is_cancelled"),
    [
        (True, f"job j1 on local goes on: {FETCH} waits for its end and stores its run, {CANCEL} ends it", False),
        (False, f"job j1 on local is cancelled; {FETCH} stores what it measured", True),
        (KeyboardInterrupt(), "job j1 on local is cancelled", True),
        (EOFError(), "job j1 on local is cancelled", True),
    ],
    ids=["keep", "cancel", "Ctrl-C again", "no more input"],
)
def test_ctrl_c_asks_once(tmp_path: Path, answer: Any, said: str, is_cancelled: bool) -> None:
    asked: list[str] = []

    def ask(sentence: str) -> bool:
        asked.append(sentence)
        return bool(_given(answer))

    agent = ScriptedAgent(status(), KeyboardInterrupt())
    job = started_job(agent, tmp_path, Attendance(ask=ask, way=PI.way))
    with pytest.raises(Interruption) as found:
        job.measure(null_job())
    assert str(found.value).startswith(f"interrupted; {said}")
    assert asked == ["Job j1 on local does not need this command to go on."]
    assert ("cancel j1" in agent.calls) is is_cancelled


@pytest.mark.parametrize("error", [EndRequest(), KeyboardInterrupt()], ids=["SIGTERM", "Ctrl-C off a terminal"])
def test_a_request_to_end_asks_nobody(tmp_path: Path, error: KeyboardInterrupt) -> None:
    ask = pytest.fail if isinstance(error, EndRequest) else None
    agent = ScriptedAgent(error)
    with pytest.raises(Interruption, match=f"job j1 on local is cancelled; {FETCH} stores what it measured"):
        started_job(agent, tmp_path, Attendance(ask=ask, way=PI.way)).measure(null_job())
    assert agent.calls == ["start j1 --queue", "cancel j1"]


@pytest.mark.parametrize(
    ("cancelled", "said"),
    [
        (UnreachableError("lost"), f"job j1 could not be cancelled (lost) and may go on: {CANCEL} ends it later"),
        (BoardError("no room"), f"job j1 could not be cancelled (no room) and may go on: {CANCEL} ends it later"),
        (KeyboardInterrupt(), f"has not answered: {CANCEL} makes sure of it; {FETCH} stores what it measured"),
        (DONE, f"job j1 on local had ended before (done); {FETCH} stores what it measured"),
    ],
    ids=["dead link", "refusal", "Ctrl-C again", "too late"],
)
def test_a_cancel_that_fails_says_what_is_left_to_do(tmp_path: Path, cancelled: Any, said: str) -> None:
    with pytest.raises(Interruption) as found:
        started_job(ScriptedAgent(KeyboardInterrupt(), cancelled=cancelled), tmp_path).measure(null_job())
    assert said in str(found.value)


def test_a_closed_terminal_takes_no_words_and_the_job_ends_all_the_same(tmp_path: Path) -> None:
    def on_event(event: Event) -> None:
        if "cancelling" in event.message:
            raise OSError(5, "Input/output error")

    agent = ScriptedAgent(EndRequest())
    with pytest.raises(Interruption, match="is cancelled"):
        started_job(agent, tmp_path, on_event=on_event).measure(null_job())
    assert agent.calls == ["start j1 --queue", "cancel j1"]


def test_ctrl_c_while_a_job_is_started_to_be_left_cancels_it(tmp_path: Path) -> None:
    agent = ScriptedAgent(status(), started=KeyboardInterrupt())
    with pytest.raises(Interruption, match=r"^interrupted; job j1 on local is cancelled"):
        started_job(agent, tmp_path, Attendance(ask=pytest.fail, way=PI.way)).leave(null_job())
    assert agent.calls == ["start j1 --queue", "cancel j1"]


def ready_board(agent: ScriptedAgent, folder: Path, monkeypatch: pytest.MonkeyPatch) -> LocalTransport:
    """A board that has all that it needs, with that agent."""
    session = session_with(agent, folder)
    monkeypatch.setattr(deploy, "ready", lambda *words: (session, "onnxruntime", Facts()))
    return LocalTransport(folder)


def with_threads(*threads: int) -> DeviceProfile:
    profile = tiny_profile()
    return profile.model_copy(update={"runtime": profile.runtime.model_copy(update={"threads": threads})})


def test_jobs_that_are_left_queue_behind_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the first may wait is the user's wish; the others wait for it in any case."""
    agent = ScriptedAgent(status())
    board, bundle = ready_board(agent, tmp_path, monkeypatch), tiny_bundle(tmp_path / "bundle")
    left = deploy.start_each(bundle, board, with_threads(1, 2, 4), attendance=Attendance(queue=False))
    assert len(left) == 3
    assert [call.endswith(" --queue") for call in agent.calls] == [False, True, True]


@pytest.mark.parametrize(
    ("threads", "said"), [((1,), ""), ((1, 2), "; 1 more was not started"), ((1, 2, 4), "; 2 more were not started")]
)
def test_ctrl_c_says_how_many_combinations_are_left(
    threads: tuple[int, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, bundle = ready_board(ScriptedAgent(KeyboardInterrupt()), tmp_path, monkeypatch), tiny_bundle(tmp_path / "b")
    with pytest.raises(Interruption) as found:
        list(deploy.deploy_each(bundle, board, with_threads(*threads), attendance=PI))
    assert str(found.value).endswith(f"stores what it measured{said}")


def test_ctrl_c_before_the_start_and_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*words: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    ended = ScriptedAgent(status(DONE, record_sha256="0" * 64))
    monkeypatch.setattr(LocalTransport, "fetch", interrupted)
    with pytest.raises(Interruption, match=f"^interrupted; job j1 on local has ended; {FETCH} stores what"):
        started_job(ended, tmp_path).measure(null_job())
    assert ended.calls == ["start j1 --queue"]
    never = ScriptedAgent(status())
    monkeypatch.setattr(LocalTransport, "put", interrupted)
    with pytest.raises(Interruption, match=r"^interrupted; job j1 was not started on local$"):
        started_job(never, tmp_path).measure(null_job())
    assert never.calls == []


def test_ctrl_c_while_a_job_is_collected_leaves_it_running(tmp_path: Path) -> None:
    agent = ScriptedAgent(status(), KeyboardInterrupt())
    with pytest.raises(Interruption, match=f"goes on: {FETCH} waits for its end"):
        started_job(agent, tmp_path).collect()
    assert agent.calls == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnreachableError("the link is gone"), TransportError),
        (TransportError("another host key"), TransportError),
        (AgentSilentError("no answer within 60 s"), AgentSilentError),
        (AgentError("the agent is gone"), AgentError),
    ],
)
def test_a_wait_that_ends_early_names_the_command_that_goes_on(
    tmp_path: Path, error: Exception, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=f"{error}; job j1 goes on on the board: {FETCH} waits for its end"):
        started_job(ScriptedAgent(status(), error), tmp_path).measure(null_job())


def test_what_the_board_says_of_a_job_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"^no job 'j1'$"):
        started_job(ScriptedAgent(BoardError("no job 'j1'")), tmp_path).collect()


def test_a_place_in_the_queue_is_said_once_and_not_counted_as_running(tmp_path: Path) -> None:
    waits = [status(QUEUED, behind="j0", ahead=2)] * 3 + [status(QUEUED, behind="j0", ahead=1)] * 2
    agent = ScriptedAgent(*waits, status(), status(DONE), started=Started("j1", 7, QUEUED, "j0", 2))
    events: list[Event] = []
    job = started_job(agent, tmp_path, on_event=events.append)
    with pytest.raises(AgentError, match=r"job j1 on local is done and left no record; `sis-edge jobs logs j1 --host"):
        job.measure(null_job(time_limit_s=0.0))
    assert [event.message for event in events if "waits" in event.message] == [
        "local is busy: job j1 waits behind job j0, 2 jobs come first",
        "local is busy: job j1 waits behind job j0",
    ]


@pytest.mark.fault("waiting job killed", "queues again")
def test_a_queued_job_whose_process_is_gone_queues_again(tmp_path: Path) -> None:
    """After the board restarted, or the process was killed."""
    gone = status(QUEUED, pid=None)
    agent = ScriptedAgent(status(QUEUED), gone, status(QUEUED), status(DONE, problem={"code": "x", "message": "x"}))
    with pytest.raises(AgentError, match="local: x"):
        started_job(agent, tmp_path).collect()
    assert agent.calls == ["start j1 --queue"]


def test_a_busy_board_is_an_error_for_those_who_do_not_queue(tmp_path: Path) -> None:
    for state, calls in (
        (status(QUEUED, pid=None), ["start j1", "cancel j1"]),  # it must not pass for one that is still to run
        (status(RUNNING), ["start j1"]),
    ):
        agent = ScriptedAgent(state, started=BoardError("busy"))
        with pytest.raises(BoardError, match=r"^busy$"):
            started_job(agent, tmp_path, Attendance(queue=False)).measure(null_job())
        assert agent.calls == calls


@pytest.mark.fault("two hosts at once", "the second says behind whom it waits, then runs")
def test_a_job_waits_for_a_busy_board_and_then_runs(tmp_path: Path) -> None:
    here = Board(tmp_path / ".sis-edge", "python3")
    here.put_empty_bundle()
    transport = LocalTransport(tmp_path)
    at = jobs_on_board.session(transport, tiny_profile(), patience=QUICK)
    StartedJob(at, "first").start(null_job(rounds=FOR_EVER))
    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        if "waits behind job first" in event.message:
            at.agent.cancel("first")

    behind = jobs_on_board.session(transport, tiny_profile(), on_event, QUICK)
    record = StartedJob(behind, "second").measure(null_job())
    assert (record.run_id, record.problem) == ("second", None)
    assert any("waits behind job first" in event.message for event in events)
    assert {job.job_id: job.state for job in jobs_on_board.jobs(at).jobs} == {"first": CANCELLED, "second": DONE}


@pytest.mark.slow
@pytest.mark.fault("Ctrl-C on a dead link", "ends; says what the job does and the command for it")
def test_ctrl_c_on_a_dead_link_ends_and_says_how_to_come_back(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    """The link is silently gone when the job is to be cancelled; the user presses Ctrl-C and waits."""
    Board(server.home / ".sis-edge", "python3").put_empty_bundle()
    transport = server.transport(port=proxy.port, stall_s=0.5, connect_s=0.5, login_s=0.5)

    def on_event(event: Event) -> None:
        if event.message == "rounds":
            proxy.frozen.set()
            raise KeyboardInterrupt

    at = jobs_on_board.session(transport, tiny_profile(), on_event, QUICK)
    with pytest.raises(Interruption) as found:
        StartedJob(at, "j1").measure(null_job(rounds=FOR_EVER))
    words = f"sis-edge jobs cancel j1 --host 127.0.0.1 --port {proxy.port}"
    assert "could not be cancelled (lost the connection" in str(found.value)
    assert words in str(found.value)
    transport.close()
    proxy.frozen.clear()
    direct = server.transport()
    assert jobs_on_board.cancel(jobs_on_board.session(direct, tiny_profile()), "j1") == CANCELLED
    direct.close()


def test_the_facts_are_not_asked_for_a_job_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They import runtimes, which would disturb what is measured."""

    def refuse(self: AgentClient) -> Facts:
        pytest.fail("the board was asked for its facts")

    monkeypatch.setattr(AgentClient, "facts", refuse)
    at = jobs_on_board.session(LocalTransport(tmp_path), tiny_profile())
    assert jobs_on_board.jobs(at).jobs == []


LOST = {"code": "job-lost", "message": "the board restarted"}


@pytest.mark.fault("board rebooted in mid-job", "the job goes on with the rounds that it lacks")
@pytest.mark.parametrize("can", [True, False])
def test_a_job_that_was_cut_off_goes_on_or_says_why_not(tmp_path: Path, can: bool) -> None:
    said: list[str] = []
    agent = ScriptedAgent(status("failed", problem=LOST), status(DONE))
    if not can:
        agent.statuses = agent.statuses[:1]
    job = started_job(agent, tmp_path, on_event=lambda event: said.append(event.message))
    begun = agent.start

    def start(job_id: str, *, queue: bool = False) -> Started:
        if agent.calls and not can:
            raise BoardError("pi: kernel 6.1 became 6.2")
        return begun(job_id, queue=queue)

    agent.start = start  # type: ignore[method-assign]
    with pytest.raises((AgentError, BoardError), match="left no record" if can else "the board restarted"):
        job.measure(null_job())
    assert len(agent.calls) == (2 if can else 1)
    assert "job j1 on local was cut off: it goes on from there" in said
    assert ("job j1 does not go on: pi: kernel 6.1 became 6.2" in said) != can


def test_a_job_that_is_cut_off_again_and_again_is_left(tmp_path: Path) -> None:
    said: list[str] = []
    agent = ScriptedAgent(status("failed", problem=LOST))
    with pytest.raises(BoardError, match="the board restarted"):
        started_job(agent, tmp_path, on_event=lambda event: said.append(event.message)).measure(null_job())
    resume = "`sis-edge jobs resume j1 --host pi --identity 'a key'`"
    assert said[-1] == f"job j1 was cut off: {resume} lets it go on from there"
    assert agent.calls == ["start j1 --queue"] * 4
