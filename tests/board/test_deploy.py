"""Deployment with the real agent, on this machine and over a real SSH server.

Some measure with the real runtime; what goes wrong around a measurement is the same with one that computes nothing.
"""

import itertools
import json
import os
import re
import stat
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fleet.null_backend import register_null
from permissions import open_to_others
from results.factory import stored_run
from sshd import Proxy, Server, path_with, serve, wait_for
from tiny_bundle import null_profile, tiny_bundle, tiny_profile

from sis_agent import lock
from sis_agent.job.folder import checked_name
from sis_agent.schema import CANCELLED, DONE, ENDED, PROTOCOL_VERSION, RECORD_VERSION, RUNNING, Facts, Record, to_json
from sis_edge.board import cleaning, jobs_on_board
from sis_edge.board.agent_client import AgentClient
from sis_edge.board.attendance import Attendance
from sis_edge.board.deploy import check_board, deploy, new_job_id
from sis_edge.board.events import Event
from sis_edge.board.jobs import MeasuringOptions, job_for
from sis_edge.board.patience import Patience
from sis_edge.board.session import read_record
from sis_edge.errors import AgentError, BoardError, BundleError, TransportError, UsageError
from sis_edge.profiles import AgentSettings, DeviceProfile, load, with_backend
from sis_edge.transport import Completed, LocalTransport, Progress, Transport, UnreachableError
from sis_edge.transport.base import CommandTimeoutError

QUICK = Patience(first_pause_s=0.05, longest_pause_s=0.2, poll_s=0.05)

# So many rounds that a job is still running when a test looks at it; such jobs are always cancelled.
MANY_ROUNDS = 1_000_000


class Watched(LocalTransport):
    """This machine as a board, with notes of what was sent to it."""

    def __init__(self, root: Path, python: Path) -> None:
        super().__init__(root, python=python)
        self.python = python
        self.sent: list[str] = []

    def put(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        super().put(source, target, progress=progress)
        self.sent.append(target)


@pytest.fixture(autouse=True)
def null_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    register_null(monkeypatch)


@pytest.fixture
def board(tmp_path: Path, bare_python: Path) -> Watched:
    return Watched(tmp_path / "board", bare_python)


@pytest.fixture
def server(tmp_path: Path, bare_python: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with serve(tmp_path / "sshd", path=path_with(bare_python)) as server:
        yield server


def board_python(tmp_path: Path, script: str) -> DeviceProfile:
    """A profile whose Python is a shell script; `$REAL` in it is a true Python."""
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\n" + script.replace("$REAL", f"{sys.executable} -I -S"))
    path.chmod(0o755)
    return null_profile().model_copy(update={"agent": AgentSettings(python=str(path))})


def on(python: str | Path) -> DeviceProfile:
    """A profile of the real runtime, as this Python has it."""
    return tiny_profile().model_copy(update={"agent": AgentSettings(python=str(python))})


def client(transport: Transport, profile: DeviceProfile | None = None) -> AgentClient:
    agent = AgentClient(transport, (profile or null_profile()).agent)
    agent.install()
    return agent


def collect(transport: Transport, profile: DeviceProfile, job_id: str, **named: Any) -> Record:
    """The record of a job that was started before, by its id alone."""
    return jobs_on_board.collect(jobs_on_board.session(transport, profile, **named), job_id)


def interrupt_at(stage: str, phase: str = "") -> Callable[[Event], None]:
    """What a user does who presses Ctrl-C at this point."""

    def on_event(event: Event) -> None:
        if event.stage == stage and event.message.startswith(phase):
            raise KeyboardInterrupt

    return on_event


@pytest.fixture
def long_job(board: Watched, tmp_path: Path) -> Iterator[str]:
    """A job that is running on the board, started by somebody who has left."""
    job_id = new_job_id()
    agent = client(board)

    def leave(event: Event) -> None:
        if event.stage == "measure" and event.message == "rounds":
            raise RuntimeError("the host's power fails")

    with pytest.raises(RuntimeError):
        deploy(
            tiny_bundle(tmp_path / "long"),
            board,
            null_profile(rounds=MANY_ROUNDS),
            job_id=job_id,
            on_event=leave,
            patience=QUICK,
        )
    yield job_id
    agent.cancel(job_id)


def test_a_bundle_is_measured_on_this_machine(board: Watched, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    events: list[Event] = []
    record = deploy(bundle, board, on(sys.executable), job_id="a-job", seed=7, on_event=events.append, patience=QUICK)
    assert (record.run_id, record.problem, record.job.seed, record.job.bundle_id) == ("a-job", None, 7, bundle.id)
    assert [network.name for network in record.networks] == ["dense", "sparse"]
    for network in record.networks:
        assert network.golden is not None
        assert network.golden.passed
        assert [len(samples.latencies_s) for samples in network.rounds] == [3, 3]
    accuracy = record.networks[0].accuracy
    assert accuracy is not None
    assert accuracy.correct == accuracy.images == 8
    pushed = [event for event in events if event.stage == "push"]
    contents = {path.read_bytes() for path in bundle.path.rglob("*.*")}
    assert len(contents) < len(list(bundle.path.rglob("*.*")))
    assert pushed[-1].done == pushed[-1].total == sum(map(len, contents)), "each content goes once"
    assert {"agent", "facts", "push", "measure", "record"} == {event.stage for event in events}


def test_only_what_is_missing_is_sent(board: Watched, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")

    def pushed() -> list[str]:
        events: list[Event] = []
        deploy(bundle, board, null_profile(), networks=["sparse"], on_event=events.append, patience=QUICK)
        return [event.message for event in events if event.stage == "push"][:-1]

    first = pushed()
    assert first[-1] == "manifest.json"
    assert [Path(name).suffix for name in board.sent] == [".pyz", ".json"], "the agent and the job"
    board.sent = []
    assert pushed() == []
    changed = board.root / ".sis-edge/bundles" / bundle.id / "networks/dense/model.onnx"
    changed.write_bytes(b"\0" * changed.stat().st_size)
    assert pushed() == ["networks/dense/model.onnx"]
    assert [Path(name).name for name in board.sent] == ["job.json", "job.json"]


def test_a_bundle_is_measured_over_ssh(server: Server, tmp_path: Path) -> None:
    transport = server.transport()
    record = deploy(tiny_bundle(tmp_path / "bundle"), transport, on(sys.executable), patience=QUICK)
    assert record.problem is None
    assert all(network.golden and network.golden.passed for network in record.networks)
    own = ["agents", "bundles", "jobs", "lock", "pushes", "queue"]
    assert sorted(path.name for path in (server.home / ".sis-edge").iterdir()) == own
    transport.close()


@pytest.mark.fault("cut while the bundle is pushed", "goes on where it was")
def test_a_push_that_is_cut_goes_on_where_it_was(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle", padding_bytes=3_000_000)
    transport = server.transport(port=proxy.port)
    client(transport)
    proxy.cut_after_bytes = 1_500_000
    events: list[Event] = []
    record = deploy(bundle, transport, null_profile(), on_event=events.append, patience=QUICK)
    assert record.problem is None
    assert proxy.cuts == 1
    lost = next(number for number, event in enumerate(events) if event.stage == "link")
    before = {event.message for event in events[:lost] if event.stage == "push"}
    after = {event.message for event in events[lost:] if event.stage == "push"}
    assert before & after == {"data/padding.bin"}
    assert [event.done for event in events if event.done and event.total and event.done > event.total] == []
    transport.close()


@pytest.mark.fault("every session killed in mid-job", "waits and goes on")
def test_a_job_survives_the_connection(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    transport = server.transport(port=proxy.port)

    def on_event(event: Event) -> None:
        if event.stage == "measure" and not proxy.cuts:
            proxy.cut()
            server.kill_sessions()

    record = deploy(tiny_bundle(tmp_path / "b"), transport, null_profile(), on_event=on_event, patience=QUICK)
    assert record.problem is None
    assert (proxy.cuts, proxy.connections) == (1, 2)
    transport.close()


@pytest.mark.fault("board gone in mid-job", "says how to get the record later")
def test_a_board_that_stays_away_is_told_and_its_job_found_later(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    transport = server.transport(port=proxy.port)

    def on_event(event: Event) -> None:
        if event.stage == "measure":
            proxy.close()

    with pytest.raises(
        TransportError,
        match=r"job a-job goes on on the board: `sis-edge jobs fetch a-job --host 127\.0\.0\.1 --port \d+",
    ):
        deploy(
            tiny_bundle(tmp_path / "bundle"),
            transport,
            null_profile(),
            job_id="a-job",
            on_event=on_event,
            patience=Patience(lost_s=0.5, first_pause_s=0.1, poll_s=0.05),
        )
    transport.close()
    direct = server.transport()
    record = collect(direct, null_profile(), "a-job", patience=QUICK)
    assert (record.run_id, record.problem) == ("a-job", None)
    direct.close()


@pytest.mark.fault("nobody answers at first", "one sentence at once")
def test_the_first_contact_is_not_tried_again(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    proxy.close()
    slept: list[float] = []
    with pytest.raises(UnreachableError):
        deploy(
            tiny_bundle(tmp_path / "bundle"),
            server.transport(port=proxy.port),
            null_profile(),
            patience=Patience(sleep=slept.append),
        )
    assert slept == []


def test_pauses_grow_until_patience_ends(board: Watched, tmp_path: Path) -> None:
    now_s = 0.0
    slept: list[float] = []

    def sleep(pause_s: float) -> None:
        nonlocal now_s
        now_s += pause_s
        slept.append(pause_s)

    class Leaving(Watched):
        def feed(self, argv: Sequence[str], pieces: Iterable[bytes], **options: Any) -> Completed:
            raise UnreachableError("gone")

    with pytest.raises(UnreachableError, match="gone"):
        deploy(
            tiny_bundle(tmp_path / "bundle"),
            Leaving(board.root, board.python),
            null_profile(),
            patience=Patience(lost_s=100, longest_pause_s=20, sleep=sleep, clock=lambda: now_s),
        )
    assert slept == [1, 2, 4, 8, 16, 20, 20, 20]


def test_ctrl_c_cancels_the_job(board: Watched, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        deploy(
            tiny_bundle(tmp_path / "bundle"),
            board,
            null_profile(rounds=MANY_ROUNDS),
            job_id="a-job",
            on_event=interrupt_at("measure", "rounds"),
            patience=QUICK,
        )
    status = client(board).status("a-job")
    assert status.state == CANCELLED
    record = collect(board, null_profile(), "a-job", patience=QUICK)
    assert record.problem is not None
    assert record.problem.code == "cancelled"


@pytest.mark.fault("job never ends", "cancelled, one sentence")
def test_a_job_without_an_end_is_cancelled(board: Watched, tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="did not end within 1500 s and was cancelled"):
        deploy(
            tiny_bundle(tmp_path / "bundle"),
            board,
            null_profile(rounds=MANY_ROUNDS),
            job_id="a-job",
            patience=Patience(poll_s=0.05, usual_answer_s=60, clock=itertools.count(0, 300).__next__),
        )
    assert client(board).status("a-job").state == CANCELLED


def test_a_busy_board_names_its_job(board: Watched, long_job: str, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=f"local: .*'{long_job}'"):
        deploy(
            *(tiny_bundle(tmp_path / "bundle"), board, null_profile()),
            patience=QUICK,
            attendance=Attendance(queue=False),
        )
    assert client(board).status(long_job).state == RUNNING


@pytest.mark.fault("host dies in mid-job", "another collects the record")
def test_a_job_is_found_after_its_host_died(board: Watched, long_job: str) -> None:
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        seen.append(event)
        if event.stage == "measure" and len(seen) > 3:
            client(board).cancel(long_job)

    record = collect(board, null_profile(), long_job, on_event=on_event, patience=QUICK)
    assert record.run_id == long_job
    assert next(event.detail["phase"] for event in seen if event.stage == "measure") == "isolated"


def test_a_job_that_is_not_there(board: Watched) -> None:
    with pytest.raises(BoardError, match=r"no job 'nothing' on this board; .*jobs has them all"):
        collect(board, null_profile(), "nothing", patience=QUICK)


def test_a_killed_job_is_told(board: Watched, long_job: str) -> None:
    pid = client(board).status(long_job).pid
    assert pid is not None
    os.killpg(pid, 9)
    wait_for(lambda: client(board).status(long_job).state in ENDED, "the job did not end")
    record = collect(board, null_profile(), long_job, patience=QUICK)
    assert record.problem is not None
    assert record.problem.code == "job-lost"
    assert all(network.memory for network in record.networks)  # what was finished is there


@pytest.mark.fault("no python3", "one sentence; nothing sent")
def test_a_board_without_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / "empty").mkdir()
    with serve(tmp_path / "sshd", path=str(tmp_path / "empty")) as server:
        transport = server.transport()
        with pytest.raises(BoardError, match=r"has no `python3`; install Python 3\.6 or newer"):
            deploy(tiny_bundle(tmp_path / "bundle"), transport, null_profile())
        assert list(server.home.iterdir()) == []
        transport.close()


@pytest.mark.fault("Python too old or broken", "one sentence; nothing sent")
@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo '[[2, 7, 18], null, null]'", "is Python 2.7.18, the agent needs 3.6 or newer"),
        ("echo '[[3, 5, 2], null, null]'", "is Python 3.5.2, the agent needs 3.6 or newer"),
        ("echo no such library >&2; exit 1", r"does not work \(no such library\)"),
        ("exit 4", r"does not work \(exit code 4\)"),
    ],
)
def test_a_python_that_does_not_do(board: Watched, tmp_path: Path, script: str, sentence: str) -> None:
    with pytest.raises(BoardError, match=sentence):
        deploy(tiny_bundle(tmp_path / "bundle"), board, board_python(tmp_path, script))
    assert board.sent == []


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_the_agents_folder_is_nobody_elses(board: Watched, tmp_path: Path) -> None:
    """Also where a umask of 002, as desktop systems have it, or an older sis-edge left it open to a group."""
    before = os.umask(0o002)
    try:
        client(board).facts()
        root = board.root / ".sis-edge"
        with lock.guarded(str(root)):
            pass
        deploy(
            tiny_bundle(tmp_path / "bundle"), board, null_profile(), job_id="a-job", networks=["dense"], patience=QUICK
        )
    finally:
        os.umask(before)
    assert len(list(root.rglob("*"))) > 10
    assert open_to_others(root) == []
    for path in (root, root / "agents", next((root / "agents").iterdir())):
        path.chmod(0o775)
    client(board)
    assert [permissions(path) & 0o077 for path in (root, root / "agents")] == [0, 0]


@pytest.mark.fault("agent's folder open to other users", "refused; nothing sent")
@pytest.mark.parametrize(
    ("place", "mode"), [("", 0o777), ("", 0o1777), ("agents", 0o757), ("agents/ARCHIVE", 0o666), ("..", 0o777)]
)
def test_a_folder_that_others_may_write_to_is_refused(board: Watched, place: str, mode: int) -> None:
    """Whoever may write there could replace the agent between its check and its start."""
    client(board)
    root = board.root / ".sis-edge"
    path = root / place.replace("ARCHIVE", next((root / "agents").iterdir()).name)
    path.chmod(mode)
    board.sent = []
    with pytest.raises(BoardError, match=rf"open to other users' writing \(mode {mode:04o}\).*`chmod go-w`"):
        client(board)
    assert not board.sent
    path.chmod(0o755)
    client(board)


def test_a_link_to_a_folder_of_the_users_own_is_followed(board: Watched, tmp_path: Path) -> None:
    """A board whose large disk is elsewhere; what counts is the folder that the link leads to."""
    client(board)
    (board.root / ".sis-edge").rename(tmp_path / "elsewhere")
    (board.root / ".sis-edge").symlink_to(tmp_path / "elsewhere")
    client(board).facts()
    (tmp_path / "elsewhere").chmod(0o777)
    with pytest.raises(
        BoardError, match=re.escape(f"{tmp_path}/elsewhere on local is a link, another user's, or open to")
    ):
        client(board)


@pytest.mark.parametrize("place", ["agents", "agents/ARCHIVE"])
def test_a_link_within_the_agents_folder_is_refused(board: Watched, tmp_path: Path, place: str) -> None:
    """It may lead to where others can write, whatever the folder's own permissions are now."""
    client(board)
    root = board.root / ".sis-edge"
    path = root / place.replace("ARCHIVE", next((root / "agents").iterdir()).name)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BoardError, match=re.escape(f"{path} on local is a link")):
        client(board)


def test_a_folder_of_another_user_is_refused(board: Watched) -> None:
    client(board)
    if os.getuid() != 0:
        pytest.skip("only root gives folders away")
    os.chown(board.root / ".sis-edge" / "agents", 12345, 12345)
    with pytest.raises(BoardError, match="agents on local is a link, another user's"):
        client(board)


@pytest.mark.fault("agent answers nonsense or not at all", "one sentence")
@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("sleep 60", r"did not answer within 4\.5 s"),
        ("echo Killed >&2; exit 137", r"no answer to `facts` \(exit code 137, it said: Killed\)"),
        ("""echo '{"protocol": 99, "agent": "x", "ok": true, "answer": {}}'""", "is x with protocol 99"),
        ("""echo '{"protocol": 1, "agent": "0123456789ab", "ok": true, "answer": {}}'""", "is 0123456789ab"),
        ("""$REAL "$@" | sed 's/"cpu_count": [0-9]*/"cpu_count": "two"/'""", r"unreadable \(cpu_count: "),
        (
            """$REAL "$@" | sed 's/"load_average_1min": [^,}]*/"load_average_1min": "nan"/'""",
            r"load_average_1min: .*finite",
        ),
        ("""$REAL "$@" | sed 's/"ok": true.*/"ok": false}/'""", "did not say why"),
    ],
)
def test_an_agent_that_does_not_answer_well(board: Watched, tmp_path: Path, script: str, sentence: str) -> None:
    profile = board_python(tmp_path, f'[ "$1" = -c ] && exec $REAL "$@"\n{script}\n')
    patience = Patience(answer_s=1.5 if "sleep" in script else 60.0, usual_answer_s=60)
    with pytest.raises(AgentError, match=sentence):
        deploy(tiny_bundle(tmp_path / "bundle"), board, profile, patience=patience)
    assert ["/agents/" in name for name in board.sent] == [True]


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ({"protocol": PROTOCOL_VERSION, "agent": "0123456789ab"}, "is 0123456789ab with protocol"),
        ({"protocol": PROTOCOL_VERSION + 1, "agent": ""}, f"with protocol {PROTOCOL_VERSION + 1}, this sis-edge needs"),
    ],
)
def test_an_answer_of_another_agent_or_protocol_is_refused(
    reply: dict[str, object], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps({**reply, "ok": True, "answer": {}})
    monkeypatch.setattr(LocalTransport, "run", lambda *args, **options: Completed(0, line, ""))
    with pytest.raises(AgentError, match=sentence):
        AgentClient(LocalTransport(tmp_path), AgentSettings()).facts()


@pytest.mark.fault("agent damaged on the board", "sent again")
def test_a_damaged_agent_is_pushed_again(board: Watched) -> None:
    client(board)
    agent = board.root / board.sent.pop()
    agent.write_bytes(agent.read_bytes()[:-1])
    assert client(board).facts().python is not None
    assert len(board.sent) == 1


@pytest.mark.fault("no runtime", "one sentence; nothing pushed")
def test_a_board_without_the_run_time(board: Watched, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare/bin/python"
    profile = on(python)
    with pytest.raises(BoardError, match=r"local cannot run onnxruntime: .*pip install onnxruntime") as caught:
        deploy(tiny_bundle(tmp_path / "bundle"), board, profile)
    assert str(python) in str(caught.value)
    assert ["/agents/" in name for name in board.sent] == [True]


@pytest.mark.fault("runtime does not import", "says why; nothing pushed")
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise OSError('cannot allocate memory in static TLS block')", "LD_PRELOAD"),
        ("import os\nos.abort()", "was ended by SIGABRT"),
        (None, "it has no __init__.py"),
    ],
)
def test_a_run_time_that_does_not_import_is_found_before_anything_is_pushed(
    board: Watched, tmp_path: Path, code: str | None, said: str
) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    (packages,) = (tmp_path / "bare").glob("lib/python3*/site-packages")
    (packages / "numpy.py").write_text("")
    (packages / "onnxruntime").mkdir()
    if code is not None:
        (packages / "onnxruntime/__init__.py").write_text(code)
    profile = on(tmp_path / "bare/bin/python")
    with pytest.raises(BoardError, match="local cannot run onnxruntime: onnxruntime is installed for") as caught:
        deploy(tiny_bundle(tmp_path / "bundle"), board, profile)
    sentence = str(caught.value)
    assert said in sentence
    assert "logs/import-onnxruntime.txt" in sentence
    assert "or let `sis-edge deploy --provision` bring" in sentence
    assert ["/agents/" in name for name in board.sent] == [True]


@pytest.mark.parametrize(
    ("lack", "way"),
    [
        ("not installed for python3 on this board: numpy", "`sis-edge deploy --provision` brings ONNX Runtime"),
        ("python3 is a 32-bit program, and there is no ONNX Runtime for those", None),
        ("onnxruntime is installed for python3 and cannot be imported: x", "--provision` bring a numpy"),
        ("the agent's own onnxruntime is installed for python3 and cannot be imported: x", None),
    ],
)
def test_the_next_step_is_one_that_can_help(lack: str, way: str | None) -> None:
    with pytest.raises(BoardError) as caught:
        check_board(Facts(machine="aarch64", runners={"onnxruntime": lack}), load("raspberry-pi-4"), "b")
    assert (way or "name another runtime") in str(caught.value)
    assert ("--provision" in str(caught.value)) == (way is not None)


def test_a_run_time_of_the_user_s_choice_that_the_board_lacks() -> None:
    orin = with_backend(load("jetson-orin-nano"), "tensorrt")
    board = Facts(machine="aarch64", runners={"tensorrt": "no CUDA device can be used", "onnxruntime": "available"})
    with pytest.raises(BoardError, match="b cannot run tensorrt: no CUDA device") as caught:
        check_board(board, orin, "b")
    assert "or with --backend" in str(caught.value)
    assert "provision" not in str(caught.value)


def test_the_first_runtime_of_the_profile_that_the_board_has() -> None:
    orin = load("jetson-orin-nano")
    assert orin.runtime.runners[0] == "tensorrt"
    both = {"tensorrt": "available", "onnxruntime": "available"}
    assert check_board(Facts(machine="aarch64", runners=both), orin, "b") == "tensorrt"
    one = both | {"tensorrt": "no CUDA device can be used"}
    assert check_board(Facts(machine="aarch64", runners=one), orin, "b") != "tensorrt"


def test_an_architecture_that_is_not_the_profile_s() -> None:
    found = {"onnxruntime": "available"}
    with pytest.raises(BoardError, match=r"b is a x86_64, the profile tiny is for aarch64; choose another"):
        check_board(Facts(machine="x86_64", runners=found), tiny_profile(architecture="aarch64"), "b")
    for machine, architecture in (("x86_64", "any"), (None, "aarch64")):
        found_runner = check_board(Facts(machine=machine, runners=found), tiny_profile(architecture=architecture), "b")
        assert found_runner == "onnxruntime"


@pytest.mark.fault("wrong architecture", "one sentence; nothing pushed")
def test_a_board_of_another_kind(board: Watched, tmp_path: Path) -> None:
    other = "aarch64" if os.uname().machine == "x86_64" else "x86_64"
    with pytest.raises(BoardError, match=f"the profile tiny is for {other}"):
        deploy(tiny_bundle(tmp_path / "bundle"), board, tiny_profile(architecture=other))
    assert ["/agents/" in name for name in board.sent] == [True]


@pytest.mark.parametrize("machine", ["aarch64", "arm64", None])
def test_names_of_one_architecture(machine: str | None) -> None:
    check_board(Facts(machine=machine, runners={"onnxruntime": "available"}), tiny_profile(architecture="aarch64"), "b")


@pytest.mark.fault("disk too small for the bundle", "both sizes; nothing pushed")
def test_a_disk_that_is_too_small(board: Watched, tmp_path: Path, small_disk: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle", padding_bytes=2_000_000)
    with pytest.raises(BoardError, match=r"has \d\.\d MB free, the bundle and the job's record need 18\.\d MB"):
        deploy(bundle, board, null_profile(root=str(small_disk / "root")))
    assert ["/agents/" in name for name in board.sent] == [True]


@pytest.fixture
def noexec(tmp_path: Path) -> Iterator[Path]:
    """A disk whose files may not be executed, as some systems mount their users' homes."""
    folder = tmp_path / "home"
    folder.mkdir()
    options = "size=20m,noexec"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a disk can only be mounted as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.fault("home is noexec", "one sentence; nothing pushed")
def test_native_kernels_on_a_disk_that_is_mounted_noexec(board: Watched, tmp_path: Path, noexec: Path) -> None:
    """Found before anything is pushed; without such kernels nothing stands against that disk."""
    profile = null_profile(root=str(noexec / "root"))
    library = tmp_path / "bundle/native/lib.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"never loaded")
    with pytest.raises(BoardError, match=r"mounted noexec, so the bundle's native kernels \(native/lib\.so\)"):
        deploy(tiny_bundle(tmp_path / "bundle"), board, profile, options=MeasuringOptions(trust=True))
    assert ["/agents/" in name for name in board.sent] == [True]
    agent = client(board, profile)
    assert agent.facts().root_noexec is True
    with pytest.raises(BoardError, match="mounted noexec, so that no library in it can be loaded"):
        agent.provision()
    assert deploy(tiny_bundle(tmp_path / "plain"), board, profile, patience=QUICK).problem is None
    assert client(board).facts().root_noexec is False


@pytest.mark.fault("agent's folder cannot be made", "one sentence that names it")
def test_a_root_that_cannot_be_made(board: Watched, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="/proc/nowhere"):
        deploy(tiny_bundle(tmp_path / "bundle"), board, null_profile(root="/proc/nowhere"))


@pytest.mark.fault("bundle damaged on the host", "refused; nothing sent")
def test_a_damaged_bundle_is_not_sent(board: Watched, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    (bundle.path / "networks/dense/model.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"model\.onnx: changed"):
        deploy(bundle, board, null_profile())
    assert not board.root.exists()


@pytest.mark.fault("record damaged on the way", "noticed; fetched by its id later")
def test_a_record_that_arrives_damaged_is_noticed(board: Watched, tmp_path: Path) -> None:
    class Failing(Watched):
        def fetch(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
            super().fetch(source, target, progress=progress)
            target.write_bytes(target.read_bytes()[:-2] + b" }")

    with pytest.raises(AgentError, match="arrived damaged"):
        deploy(
            tiny_bundle(tmp_path / "b"),
            Failing(board.root, board.python),
            null_profile(),
            job_id="a-job",
            patience=QUICK,
        )
    assert collect(board, null_profile(), "a-job", patience=QUICK).problem is None


@pytest.mark.fault("record half-written or foreign", "one sentence")
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "unreadable"),
        (b"\xff\xfe", "unreadable"),
        (b"[1]", "unreadable"),
        (b'{"record_version": 99}', f"version 99, this sis-edge reads {RECORD_VERSION}"),
        (b'{"record_version": %d}' % RECORD_VERSION, r"unreadable \(run_id: "),
    ],
)
def test_records_that_cannot_be_read(data: bytes, sentence: str) -> None:
    with pytest.raises(AgentError, match=sentence):
        read_record(data, "job x")


def test_a_text_is_no_number_in_a_record() -> None:
    record = dict(to_json(stored_run().record), duration_s="nan")
    with pytest.raises(AgentError, match=r"unreadable \(duration_s: Input should be a finite number"):
        read_record(json.dumps(record).encode(), "job x")


@pytest.mark.fault("answer to the start is lost", "one job")
def test_the_start_is_not_repeated_when_only_its_answer_was_lost(board: Watched, tmp_path: Path) -> None:
    class Dropping(Watched):
        starts = 0

        def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
            done = super().run(argv, timeout_s=timeout_s)
            if "--job-id" in argv:
                self.starts += 1
                raise UnreachableError("cut")
            return done

    dropping = Dropping(board.root, board.python)
    record = deploy(tiny_bundle(tmp_path / "bundle"), dropping, null_profile(), patience=QUICK)
    assert (record.problem, dropping.starts) == (None, 1)


@pytest.mark.fault("agent killed while it answers", "asked again")
@pytest.mark.parametrize(("word", "silence"), [("--job-id", "in time"), ("status", "killed")])
def test_a_question_that_nobody_answers_does_not_lose_the_job(
    board: Watched, tmp_path: Path, word: str, silence: str
) -> None:
    """A board that is busy with the job itself, or short of memory."""

    class Silent(Watched):
        asked = 0

        def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
            done = super().run(argv, timeout_s=timeout_s)
            self.asked += word in argv
            if word not in argv or self.asked > 2:
                return done
            if silence == "in time":
                raise CommandTimeoutError("python3 did not end")
            return Completed(137, "", "Killed\n")

    silent = Silent(board.root, board.python)
    record = deploy(tiny_bundle(tmp_path / "bundle"), silent, null_profile(), job_id="a-job", patience=QUICK)
    assert (record.run_id, record.problem) == ("a-job", None)


@pytest.mark.fault("board falls silent in mid-job", "says how to get the record later")
@pytest.mark.parametrize(("word", "state"), [("--job-id", "may have started"), ("status", "goes on")])
def test_a_job_that_is_left_behind_is_named(board: Watched, tmp_path: Path, word: str, state: str) -> None:
    class Silent(Watched):
        begun = False

        def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
            done = super().run(argv, timeout_s=timeout_s)
            self.begun = self.begun or word in argv
            if self.begun:
                raise CommandTimeoutError("python3 did not end")
            return done

    patience = Patience(lost_s=0.3, first_pause_s=0.05, poll_s=0.05)
    with pytest.raises(AgentError, match=f"job a-job {state} on the board: `sis-edge jobs fetch a-job`"):
        deploy(
            tiny_bundle(tmp_path / "b"),
            Silent(board.root, board.python),
            null_profile(),
            job_id="a-job",
            patience=patience,
        )
    assert collect(board, null_profile(), "a-job", patience=QUICK).problem is None


@pytest.mark.fault("MaxSessions 1", "measured as ever")
def test_a_bundle_is_measured_over_one_session(
    tmp_path: Path, bare_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with serve(tmp_path / "sshd", settings="MaxSessions 1\n", path=path_with(bare_python)) as server:
        transport = server.transport()
        record = deploy(tiny_bundle(tmp_path / "bundle"), transport, null_profile(), patience=QUICK)
        assert record.problem is None
        transport.close()


@pytest.mark.fault("account for SFTP only", "the server's words; nothing sent")
def test_an_account_for_sftp_only_is_told_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    text = "Subsystem sftp internal-sftp\nForceCommand internal-sftp\n"
    with serve(tmp_path / "sshd", settings=text, sftp=False) as server:
        transport = server.transport()
        with pytest.raises(BoardError, match=r"“This service allows sftp connections only\.”"):
            deploy(tiny_bundle(tmp_path / "bundle"), transport, null_profile(), patience=QUICK)
        assert list(server.home.iterdir()) == []
        transport.close()


@pytest.mark.fault("start is lost", "started again")
def test_the_start_is_repeated_when_it_never_arrived(board: Watched, tmp_path: Path) -> None:
    class Dropping(Watched):
        starts = 0

        def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
            if "--job-id" in argv:
                self.starts += 1
                if self.starts == 1:
                    raise UnreachableError("cut")
            return super().run(argv, timeout_s=timeout_s)

    dropping = Dropping(board.root, board.python)
    record = deploy(tiny_bundle(tmp_path / "bundle"), dropping, null_profile(), patience=QUICK)
    assert (record.problem, dropping.starts) == (None, 2)


def test_clean_leaves_nothing_large(board: Watched, tmp_path: Path) -> None:
    deploy(tiny_bundle(tmp_path / "bundle"), board, null_profile(), patience=QUICK)
    at = jobs_on_board.session(board, null_profile())
    cleaning.clean(at, ["jobs"], shown=cleaning.clean(at, ["jobs"]))
    assert list((board.root / ".sis-edge/bundles").iterdir())
    assert not list((board.root / ".sis-edge/jobs").iterdir())
    cleaning.clean(at, shown=cleaning.clean(at))
    assert not [path for path in (board.root / ".sis-edge").rglob("*") if path.suffix in (".npy", ".onnx", ".json")]


def test_a_job_says_what_the_profile_says(tmp_path: Path) -> None:
    profile = null_profile(rounds=5)
    job = job_for(tiny_bundle(tmp_path / "bundle"), profile, networks=["sparse", "dense"])
    assert [network.name for network in job.networks] == ["dense", "sparse"]
    assert (job.rounds, job.inferences_per_round, job.threads, job.time_limit_s) == (5, 3, 1, 1200)
    with pytest.raises(UsageError, match="unknown network in this bundle 'sis9'; known: dense, sparse"):
        job_for(tiny_bundle(tmp_path / "another"), profile, networks=["dense", "sis9"])


def test_job_ids_sort_by_age_differ_and_suit_the_agent() -> None:
    ids = [new_job_id() for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", checked_name("job id", name)) for name in ids)


def test_paramiko_is_imported_for_ssh_only() -> None:
    code = (
        "import sys, sis_edge.board.deploy, sis_edge.transport; sis_edge.transport.connect();"
        "print([name for name in ('paramiko', 'torch', 'onnx', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_only_the_folder_for_ssh_names_paramiko() -> None:
    package = Path(sys.modules["sis_edge"].__path__[0])
    users = [path for path in package.rglob("*.py") if re.search(r"^\s*(import|from) paramiko", path.read_text(), re.M)]
    assert users
    assert {path.parent for path in users} == {package / "transport/ssh"}


def test_the_record_on_the_board_is_the_one_that_came(board: Watched, tmp_path: Path) -> None:
    record = deploy(tiny_bundle(tmp_path / "bundle"), board, null_profile(), job_id="a-job", patience=QUICK)
    data = json.loads((board.root / ".sis-edge/jobs/a-job/record.json").read_text())
    assert data["networks"][1]["rounds"][0]["latencies_s"] == record.networks[1].rounds[0].latencies_s
    assert client(board).status("a-job").state == DONE
