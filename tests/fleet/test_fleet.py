"""A fleet over a real SSH server: nobody waits for a board that is slow or dead, and nothing that ended is lost."""

import getpass
import json
import signal
import threading
from pathlib import Path

import pytest
from tiny_bundle import tiny_bundle, tiny_profile

from sis_edge import simulated
from sis_edge.board import inventory
from sis_edge.board.events import Event
from sis_edge.board.jobs import MeasuringOptions
from sis_edge.board.patience import Patience
from sis_edge.files.only_one import one_at_a_time
from sis_edge.fleet import report, state
from sis_edge.fleet.attempt import PROCESSOR, BoardWatch, attempt
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


def test_simulated_boards_are_measured_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They share this machine's processor. Real ones are not held up by them."""
    at_work: set[str] = set()
    most: list[set[str]] = []
    met = threading.Barrier(2)

    def attempt(task: FleetTask, *others: object) -> BoardState:
        at_work.add(task.name)
        if task.name in ("real", "s0"):
            met.wait(60)
        most.append({name for name in at_work if name.startswith("s")})
        at_work.remove(task.name)
        return BoardState(progress="done")

    monkeypatch.setattr("sis_edge.fleet.run.attempt", attempt)
    bundle, host = tiny_bundle(tmp_path / "bundle"), inventory.InventoryBoard(host="a")
    shelf = [inventory.InventoryBoard(simulated="nano-sim") for _ in range(5)]
    boards = {**{f"s{at}": board for at, board in enumerate(shelf)}, "real": host}
    tasks = [FleetTask(name, board, bundle, tiny_profile()) for name, board in boards.items()]
    executor = ThreadExecutor(tasks, tmp_path, ignored, lambda name, found: None)
    ended = [name for name, _ in executor.outcomes()]
    assert sorted(ended) == sorted(boards)
    assert [name for name in ended if name != "real"] == [f"s{at}" for at in range(5)]
    assert max(map(len, most)) == 1


def test_a_simulated_board_waits_for_that_of_another_fleet(tmp_path: Path) -> None:
    board = inventory.InventoryBoard(simulated="nano-sim")
    task = FleetTask("a", board, tiny_bundle(tmp_path / "bundle"), tiny_profile())
    is_over, states = threading.Event(), list[BoardState]()
    with one_at_a_time(simulated.all_folders() / PROCESSOR):
        is_over.set()
        found = attempt(task, tmp_path, is_over, ignored, lambda name, state: states.append(state))
    assert (found.progress, found.job, states) == ("cancelled", "no job was started", [])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_simulated_boards_of_one_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is measured by its own agent in its own home; state, table and report say what they are."""
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    path = tmp_path / "boards.toml"
    path.write_text('[boards.a]\nsimulated = "raspberry-pi-4-sim"\n[boards.b]\nsimulated = "raspberry-pi-4-sim"\n')
    request = FleetRequest(networks=("dense",), options=MeasuringOptions(length="quick", threads=1))
    tasks = plan(inventory.load(path).boards, request, tiny_bundle(tmp_path / "bundle"), tmp_path)
    ids = {task.name: task.bundle.id for task in tasks}
    fleet = state.begun(state.file_of(tmp_path / "runs", "fleet"), request.as_dict(), ids, ["a", "b"])
    run(ThreadExecutor(tasks, tmp_path / "runs", ignored, fleet.put), fleet.put)
    found = state.load(fleet.path)
    assert [each.progress for each in found.boards.values()] == ["done", "done"], found.boards
    runs = [store.load(Path(each.runs[0])) for each in found.boards.values()]
    assert [each.board for each in runs] == [f"simulated raspberry-pi-4-sim as {name}" for name in "ab"]
    assert all(each.is_simulated for each in runs)
    for name in "ab":
        assert len(list((simulated.all_folders() / "raspberry-pi-4-sim" / name).glob("home/.sis-edge/jobs/*"))) == 1
    assert fleet.simulated == {"a", "b"}
    assert FleetTable(fleet.boards.items(), simulated=fleet.simulated).lines()[0][0] == "a (simulated)"
    report.write("fleet", fleet.boards, tmp_path / "report", fleet.simulated)
    text = (tmp_path / "report/report.md").read_text()
    assert "| b (SIMULATED) | done |" in text
    assert "Boards: 2 of 2 done." in text
    assert json.loads((tmp_path / "report/results.json").read_text())["boards"]["a"]["simulated"] is True


def test_a_fleet_of_the_version_before_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    path.write_text('{"fleet_version": 1, "name": "fleet", "request": {}, "bundles": {"a": "x"}, "boards": {"a": {}}}')
    found = state.resumed(path, {}, {"a": "x", "b": "x"}, ["b"])
    found.save()
    assert (found.simulated, state.load(path).fleet_version) == ({"b"}, 2)


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
