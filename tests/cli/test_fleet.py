"""`sis-edge fleet deploy` where no board is reached: what it says, its exit codes, and what --resume does."""

import json
import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from asking_server import HOST_KEY, asking
from someone import descriptor
from sshd import free_ports
from tiny_bundle import tiny_bundle

from sis_edge.board.events import Event
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.cli import fleet, run
from sis_edge.cli.progress import Lines
from sis_edge.errors import BoardError, SisEdgeError, TransportError, UsageError
from sis_edge.fleet import state
from sis_edge.fleet.attempt import OnBoardState
from sis_edge.fleet.state import BoardState
from sis_edge.fleet.table import FleetTable
from tests.cli.test_json import Stage, check, printed

WORDS = ("fleet", "deploy", "--bundle", "tiny")


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def ports(tmp_path: Path) -> list[int]:
    """Where two boards of the inventory are, that is: where nothing listens; and there is a bundle for them."""
    folder = tiny_bundle(tmp_path / "tiny").path
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "profile": "local"}))
    found = free_ports(2)
    inventory(*found)
    return found


def inventory(*ports: int) -> None:
    entries = (
        f'[boards.b{at}]\nhost = "127.0.0.1"\nport = {port}\ngroups = ["g{at}"]\n' for at, port in enumerate(ports)
    )
    Path("boards.toml").write_text("".join(entries))


def test_what_is_said_of_boards_that_nobody_reaches(ports: list[int], capsys: Stage) -> None:
    assert run([*WORDS]) == 6
    shown = capsys.readouterr()
    outcomes = [line.split()[:2] for line in shown.out.splitlines() if line.startswith("b")]
    assert outcomes == [["board", "outcome"], ["b0", "failed"], ["b1", "failed"]]
    for at, port in enumerate(ports):
        assert re.search(rf"^b{at}: failed in \d+ s, 127.0.0.1 port {port} cannot be reached", shown.err, re.MULTILINE)
    assert "2 of 2 boards are not done, and --require is all; the first is b0: 127.0.0.1 port" in shown.err
    assert "reports/fleet/index.html" in shown.out
    for name in ("index.html", "report.md"):
        assert f"port {ports[1]} cannot be reached" in Path("reports/fleet", name).read_text().replace("\\", "")
    found = check("fleet-deploy", printed(capsys, *WORDS, "--require", "0"))
    assert (found["done"], found["required"], [each["outcome"] for each in found["boards"]]) == (0, 0, ["failed"] * 2)


def test_boards_with_a_password_that_are_not_known_yet(ports: list[int], tmp_path: Path, capsys: Stage) -> None:
    """Each login is by the same password, of which the file descriptor is read once."""
    with asking(tmp_path / "servers") as server:
        entries = (f'[boards.b{at}]\nhost = "127.0.0.1"\nport = {server.port}\nuser = "u{at}"\n' for at in range(2))
        Path("boards.toml").write_text("".join(entries))
        # The server has no programs: what comes after the login fails.
        assert run([*WORDS, "--trust-on-first-use", "--password-fd", str(descriptor("s3cret"))]) == 8
        assert server.logins == 2
    shown = capsys.readouterr()
    assert "Pinned the host key of [127.0.0.1]:" in shown.err
    assert shown.out.count("has no `python3`") == 2, shown.out + shown.err
    assert (tmp_path / ".ssh" / "known_hosts").read_text().count(HOST_KEY.get_base64()) in (1, 2)


def test_only_boards_that_are_not_done_are_resumed(ports: list[int], capsys: Stage) -> None:
    assert run([*WORDS, "--resume"]) == 2
    assert "there is no fleet fleet to resume (runs/fleets/fleet.json); leave out --resume" in capsys.readouterr().err
    assert run([*WORDS, "--limit", "b0"]) == 6
    path = Path("runs/fleets/fleet.json")
    known = json.loads(path.read_text())
    assert list(known["boards"]) == ["b0"]
    known["boards"]["b0"].update(progress="done", exit_code=0, problem=None, verdicts=["VALID"])
    path.write_text(json.dumps(known))
    capsys.readouterr()
    assert run([*WORDS, "--resume", "--require", "any"]) == 0
    said = capsys.readouterr().err
    assert "b0" not in said
    assert "b1: failed" in said
    assert run([*WORDS, "--resume", "--strict"]) == 2
    assert 'the fleet fleet was begun with the length "profile", and now it is "strict"' in capsys.readouterr().err
    path.write_text("{}")
    assert run([*WORDS, "--resume"]) == 9


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--require", "3"], "--require is '3', and must be all, any or a number up to that of the boards, 2"),
        (["--require", "most"], "--require is 'most', and must be all, any or a number"),
        (["--group", "g2"], "boards.toml: unknown group 'g2'; known: g0, g1"),
        (["--limit", "c*"], "boards.toml: unknown board 'c*'; known: b0, b1"),
        (
            ["--inventory", "sim.toml", "--ray", "auto"],
            "shelf is simulated (nano-sim) and runs on this machine only; l",
        ),
        (["--networks", "x"], "b0: unknown network in this bundle 'x'; known: dense, sparse"),
    ],
)
def test_what_cannot_be_meant(ports: list[int], words: list[str], sentence: str, capsys: Stage) -> None:
    Path("sim.toml").write_text('[boards.shelf]\nsimulated = "nano-sim"\n')
    assert run([*WORDS, *words]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_a_board_that_is_named_twice_and_one_without_a_bundle(ports: list[int], capsys: Stage) -> None:
    inventory(ports[0], ports[0])
    assert run([*WORDS]) == 2
    assert "b0 and b1 are the same board (" in capsys.readouterr().err
    with Path("boards.toml").open("a") as file:
        file.write('profile = "raspberry-pi-5"\n')
    assert run(["fleet", "deploy", "--limit", "b1"]) == 4
    assert "b1: build has no bundle for the profile raspberry-pi-5; `sis-edge build --" in capsys.readouterr().err


def test_a_fleet_is_measured_once_at_a_time(ports: list[int], capsys: Stage) -> None:
    with state.alone(Path("runs/fleets/fleet.json")):
        assert run([*WORDS]) == 13
    assert "another sis-edge measures the fleet fleet now" in capsys.readouterr().err


def test_ctrl_c_says_how_far_the_fleet_is(ports: list[int], capsys: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(executor: object, on_state: OnBoardState) -> None:
        on_state("b0", BoardState(progress="cancelled", problem="interrupted", job="job j on b0 is cancelled"))
        raise KeyboardInterrupt

    monkeypatch.setattr("sis_edge.fleet.run.run", interrupted)
    assert run([*WORDS]) == 130
    shown = capsys.readouterr()
    assert "b0: cancelled, interrupted, job j on b0 is cancelled" in shown.err
    assert "Error: interrupted; 0 of 2 done, 1 cancelled, 1 waiting; the same command with --resume" in shown.err
    assert state.load(Path("runs/fleets/fleet.json")).boards["b0"].progress == "cancelled"


FAILED = {code: BoardState(progress="failed", problem="it broke\nTraceback", exit_code=code) for code in (1, 6, 8)}
DONE = BoardState(progress="done")


@pytest.mark.parametrize(
    ("states", "require", "kind"),
    [
        ([DONE, DONE], "all", None),
        ([DONE, FAILED[6]], "all", TransportError),
        ([DONE, FAILED[6]], "any", None),
        ([DONE, FAILED[6], FAILED[6]], "2", TransportError),
        ([FAILED[6], FAILED[8]], "any", SisEdgeError),
        ([FAILED[8], FAILED[8]], "any", BoardError),
        ([FAILED[1]], "all", SisEdgeError),
        ([BoardState()], "all", SisEdgeError),
    ],
)
def test_the_exit_code(states: list[BoardState], require: str, kind: type[SisEdgeError] | None) -> None:
    boards = {f"b{at}": each for at, each in enumerate(states)}
    fault = fleet._fault(boards, require, fleet._required(require, len(boards)))
    assert type(fault) is (type(None) if kind is None else kind)
    assert "Traceback" not in str(fault)


def test_require_is_at_most_all() -> None:
    with pytest.raises(UsageError, match="--require is '3'"):
        fleet._required("3", 2)


def test_without_a_terminal_a_line_says_what_boards_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of the night says more than how many boards are done."""
    lines = Lines("fleet", lambda line: None)
    monkeypatch.setattr("sis_edge.cli.progress.bars", lambda what: nullcontext(lines))
    table = FleetTable([(f"b{at}", BoardState()) for at in range(2)])
    with fleet._shown(table, ["b0"]) as (tell, hear):
        for at in range(2):
            table.state(f"b{at}", BoardState(progress="running"))
            tell(f"b{at}", BoardState(progress="running"))
        hear("b1", Event("measure", "rounds", 3, 30, {"phase": "rounds"}))
        assert re.fullmatch(
            r"boards: 0 of 2 done \(b0 connect, b1 measure 10%\), \d+ s", lines._running(lines._clock())
        )
        table.state("b0", BoardState(progress="done"))
        tell("b0", BoardState(progress="done", verdicts=("VALID",)))
    assert lines._running(lines._clock()).startswith("boards: 1 of 2 done (b1 measure 10%), ")


def test_that_simulated_boards_wait_for_each_other_is_said(
    ports: list[int], capsys: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(executor: object, on_state: OnBoardState) -> None:
        on_state("s0", DONE)
        on_state("s1", DONE)

    monkeypatch.setattr("sis_edge.fleet.run.run", measured)
    Path("boards.toml").write_text('[boards.s0]\nsimulated = "x86-sim"\n[boards.s1]\nsimulated = "x86-sim"\n')
    assert run([*WORDS]) == 0
    shown = capsys.readouterr()
    assert "2 simulated boards share this machine's processor: one is measured at a time" in shown.err
    assert "s1: done" not in shown.err
    assert "s1 (simulated): done" in shown.err
    assert re.search(r"^s1 \(simulated\)  done", shown.out, re.MULTILINE)
    found = check("fleet-deploy", printed(capsys, *WORDS))
    assert [each["simulated"] for each in found["boards"]] == [True, True]
