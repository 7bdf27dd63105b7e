"""A fleet over a real SSH server: nobody waits for a board that is slow or dead, and nothing that ended is lost."""

import getpass
import json
import signal
import threading
from pathlib import Path

import pytest
from tiny_bundle import tiny_bundle, tiny_profile

from sis_edge.board import inventory
from sis_edge.board.events import Event
from sis_edge.board.patience import Patience
from sis_edge.fleet import report, state
from sis_edge.fleet.attempt import BoardWatch
from sis_edge.fleet.plan import FleetRequest, FleetTask, plan
from sis_edge.fleet.ray import Leases
from sis_edge.fleet.run import ThreadExecutor, missing, run
from sis_edge.fleet.state import BoardState, FleetFile
from sis_edge.fleet.table import FleetTable
from sis_edge.results import store

from .boards import Lab, lab
from .null_backend import register_null

REQUEST = FleetRequest(networks=("dense",))
QUICK = Patience(lost_s=0.5, first_pause_s=0.05, longest_pause_s=0.2, poll_s=0.05)


@pytest.fixture(autouse=True)
def _null(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    register_null(monkeypatch)


def ignored(name: str, event: Event) -> None:
    """What happens on the boards is of no matter."""


def tasks_of(boards: Lab, tmp_path: Path) -> list[FleetTask]:
    bundle = tiny_bundle(tmp_path / "bundle")
    return plan(inventory.load(boards.inventory).boards, REQUEST, bundle, tmp_path)


def begun(tasks: list[FleetTask], tmp_path: Path) -> FleetFile:
    path = state.file_of(tmp_path / "runs", "fleet")
    return state.begun(path, REQUEST.as_dict(), {task.name: task.bundle.id for task in tasks})


@pytest.mark.fault("a fleet with a dead board and a stuck one", "the others are measured; --resume does the rest")
def test_a_slow_and_a_dead_board_hold_up_nobody(tmp_path: Path) -> None:
    """One is dead, and a login to another never ends: when the third is done, all is called off."""
    hook = f"[ ! -e slow ] || while [ ! -e {tmp_path}/go ]; do sleep 0.02; done"
    ended: list[tuple[str, str]] = []
    with lab(tmp_path, ["fast", "slow"], dead=["dead"], hook=hook) as boards:
        boards.home("slow").mkdir()
        (boards.home("slow") / "slow").touch()
        tasks = tasks_of(boards, tmp_path)
        fleet = begun(tasks, tmp_path)

        def on_state(name: str, found: BoardState) -> None:
            fleet.put(name, found)
            if found.progress in state.ENDED:
                ended.append((name, found.progress))
                if len(ended) == 2:
                    raise KeyboardInterrupt

        executor = ThreadExecutor(tasks, tmp_path / "runs", ignored, on_state, grace_s=0.1, patience=QUICK)
        with pytest.raises(KeyboardInterrupt):
            run(executor, on_state)
        assert ended == [("dead", "failed"), ("fast", "done"), ("slow", "cancelled")]
        before = state.load(fleet.path).boards
        assert before["slow"].job == "the board did not answer within 0.1 s; no job was started"
        assert before["dead"].exit_code == 6
        assert f"127.0.0.1 port {boards.ports['dead']} cannot be reached" in str(before["dead"].problem)
        (tmp_path / "go").touch()

        # As if this command had been killed when the job had been started: it is fetched, not measured again.
        fleet.put("fast", BoardState(progress="running", job_id=before["fast"].job_id))
        ids = {task.name: task.bundle.id for task in tasks}
        fleet = state.resumed(fleet.path, REQUEST.as_dict(), ids)
        left = missing(tasks, fleet)
        assert [(task.name, task.job_id is None) for task in left] == [("fast", False), ("slow", True), ("dead", True)]
        run(ThreadExecutor(left[:1], tmp_path / "again", ignored, fleet.put, patience=QUICK), fleet.put)
        jobs = [path.name for path in boards.home("fast").glob(".sis-edge/jobs/*")]

    found = state.load(fleet.path).boards
    assert jobs == [before["fast"].job_id] == [found["fast"].job_id]
    for each, folder in ((before, "runs"), (found, "again")):
        (path,) = each["fast"].runs
        assert Path(path).parent == tmp_path / folder
        assert store.load(Path(path)).record.run_id == each["fast"].job_id
    report.write("fleet", found, tmp_path / "report")
    text = (tmp_path / "report/report.md").read_text()
    assert "| dead | failed | – | 127.0.0.1 port" in text
    assert "| fast (SIMULATED) | tiny | tiny | null | 1 | 1 | INVALID |" in text


@pytest.mark.slow
@pytest.mark.fault("Ctrl-C in a fleet", "every job is cancelled; says for each what became of it")
def test_ctrl_c_ends_every_job_and_says_what_became_of_it(tmp_path: Path) -> None:
    with lab(tmp_path, ["first", "second", "third"], rounds=10_000_000) as boards:
        tasks = tasks_of(boards, tmp_path)
        fleet = begun(tasks, tmp_path)
        main = threading.main_thread().ident
        assert main is not None

        started = []

        def on_event(name: str, event: Event) -> None:
            if event.message.endswith(" is running"):
                started.append(name)
                if len(started) == 2:
                    signal.pthread_kill(main, signal.SIGINT)

        executor = ThreadExecutor(tasks, tmp_path / "runs", on_event, fleet.put, parallel=2, patience=QUICK)
        with pytest.raises(KeyboardInterrupt):
            run(executor, fleet.put)
        for name in ("first", "second"):
            found = fleet.boards[name]
            assert (found.progress, found.exit_code) == ("cancelled", 130)
            assert str(found.job).startswith(f"job {found.job_id} on {address(boards, name)} is cancelled; ")
            assert f"`sis-edge jobs fetch {found.job_id} --host {name}` stores what" in str(found.job)
            (job,) = boards.home(name).glob(".sis-edge/jobs/*/state.json")
            assert (job.parent.name, json.loads(job.read_text())["state"]) == (found.job_id, "cancelled")
        assert fleet.boards["third"] == BoardState()
        assert not boards.home("third").exists()


def address(boards: Lab, name: str) -> str:
    return f"{getpass.getuser()}@127.0.0.1:{boards.ports[name]}"


@pytest.mark.parametrize(
    ("before", "job_id"),
    [
        (BoardState(progress="running", job_id="a-job"), "a-job"),
        (BoardState(progress="failed", exit_code=6, job_id="a-job"), "a-job"),
        (BoardState(progress="failed", exit_code=8, job_id="a-job"), None),
        (BoardState(progress="cancelled", exit_code=130, job_id="a-job"), None),
        (BoardState(), None),
    ],
)
def test_only_a_job_that_may_have_gone_on_is_fetched(before: BoardState, job_id: str | None, tmp_path: Path) -> None:
    board = inventory.InventoryBoard(host="a")
    task = FleetTask("a", board, tiny_bundle(tmp_path / "bundle"), tiny_profile())
    fleet = begun([task], tmp_path)
    fleet.put("a", before)
    (found,) = missing([task], fleet)
    assert found.job_id == job_id


def test_a_board_is_interrupted_once(tmp_path: Path) -> None:
    """What then ends the job on the board, and what it says, is not interrupted itself."""
    is_over, states = threading.Event(), list[BoardState]()
    task = FleetTask("a", inventory.InventoryBoard(host="a"), tiny_bundle(tmp_path / "bundle"), tiny_profile())
    watch = BoardWatch(task, is_over, ignored, lambda name, found: states.append(found))
    watch.event(Event("facts", "measuring 2 networks", detail={"job_id": "a-job"}))
    watch.sleep(0)
    is_over.set()
    with pytest.raises(KeyboardInterrupt):
        watch.sleep(60)
    watch.sleep(0)
    watch.event(Event("link", "cancelling job a-job on a"))
    assert states == [BoardState(progress="running", job_id="a-job")]


def test_boards_that_wait_are_not_begun_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def attempt(task: FleetTask, runs_dir: Path, is_over: threading.Event, *others: object) -> BoardState:
        begun.append(task.name)
        is_over.set()
        return BoardState(progress="cancelled")

    monkeypatch.setattr("sis_edge.fleet.run.attempt", attempt)
    bundle, board = tiny_bundle(tmp_path / "bundle"), inventory.InventoryBoard(host="a")
    tasks = [FleetTask(name, board, bundle, tiny_profile()) for name in ("first", "second")]
    executor = ThreadExecutor(tasks, tmp_path, ignored, lambda name, found: None, parallel=1)
    assert next(executor.outcomes())[0] == "first"
    for thread in threading.enumerate():
        if thread.name == "board-0":
            thread.join(20)
    assert begun == ["first"]


def test_a_board_is_leased_to_one_worker_at_a_time() -> None:
    leases = Leases()
    leases.grant("a", "first")
    leases.say("a", "first", {"progress": "running"}, None)
    assert leases.drain() == [("a", {"progress": "running"}, None)]
    leases.grant("a", "second")  # Ray has given the first worker up, which may not know it
    leases.say("a", "first", {"progress": "done"}, None)
    assert leases.drain() == []
    assert (leases.holds("a", "first"), leases.holds("a", "second"), leases.holds("b", "second")) == (
        False,
        True,
        False,
    )
    leases.end()
    assert not leases.holds("a", "second")


def test_the_table_shows_first_what_needs_a_look() -> None:
    now_s = 0.0
    table = FleetTable([(name, BoardState()) for name in "abcd"], clock=lambda: now_s)
    table.state("a", BoardState(progress="running"))
    table.event("a", Event("push", "x", 50, 200))
    table.state("b", BoardState(progress="running"))
    table.event("b", Event("measure", "rounds", 3, 30, {"phase": "rounds"}))
    now_s = 61.0
    table.state("a", BoardState(progress="failed", problem="no space\nTraceback"))
    table.state("c", BoardState(progress="done", verdicts=("VALID",)))
    now_s = 62.0
    assert table.lines() == [
        ("a", "failed", "no space", "1:01"),
        ("b", "running", "measure 10%", "1:02"),
        ("d", "waiting", "", ""),
        ("c", "done", "VALID", "0:00"),
    ]
    assert table.lines(1) == table.lines()[:1]
    assert table.summary() == "1 of 4 done, 1 failed, 1 running, 1 waiting"
