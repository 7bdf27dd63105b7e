"""`sis-edge doctor` as a user meets it: boards that fail at a step, and a sick board over a real SSH server."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from command import sis_edge_here
from sshd import Server, serve

from sis_edge import profiles, simulated
from sis_edge.cli import run
from sis_edge.cli.documents import schemas
from sis_edge.doctor import examine_board, exit_code
from sis_edge.doctor.check import Finding, error, ok, refused
from sis_edge.profiles import AgentSettings, DeviceProfile
from sis_edge.simulated.tree import write_constant_files
from sis_edge.transport import Completed, LocalTransport, UnreachableError
from sis_edge.transport.ssh import SshTransport
from tests.cli.test_json import check

LEFT_OUT = "needs the step '{}', which failed"


class Fails(LocalTransport):
    """This machine as a board on which one command goes wrong."""

    def __init__(self, root: Path, word: str, answer: Completed | UnreachableError) -> None:
        super().__init__(root)
        self.word, self.answer = word, answer

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        if self.word in argv:
            if isinstance(self.answer, UnreachableError):
                raise self.answer
            return self.answer
        return super().run(argv, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("word", "answer", "step", "said", "code", "before"),
    [
        (
            "true",
            UnreachableError("10.0.0.9 port 22 does not answer; is it on?"),
            "connection",
            "does not answer",
            6,
            0,
        ),
        ("-c", Completed(127, "", "not found"), "Python", "no `python3` on the board", 8, 1),
        ("-c", Completed(0, '[[2, 7, 18], "/usr/bin/python", 1.0]', ""), "Python", "is Python 2.7.18", 8, 1),
        ("-c", Completed(1, "", "Segmentation fault"), "Python", "does not work (Segmentation fault)", 8, 1),
        ("facts", Completed(1, "boom", ""), "facts", "gave no answer to `facts`", 7, 3),
    ],
)
def test_where_a_step_fails_the_rest_is_not_checked(
    tmp_path: Path, word: str, answer: Completed, step: str, said: str, code: int, before: int
) -> None:
    found = list(examine_board(Fails(tmp_path, word, answer), profiles.load("local")))
    failed = next(each for each in found if each.answer.level == "error")
    assert (failed.name, exit_code(found)) == (step, code)
    assert said in failed.answer.said
    place = found.index(failed)
    assert [each.answer.level for each in found[:place]] == ["ok"] * before
    after = found[place + 1 :]
    assert len(after) >= 20
    left = [each for each in after if each.answer.level != "not checked"]
    assert {each.name for each in left} <= ({"clock"} if step == "facts" else set())
    assert {each.answer.said for each in after if each not in left} == {LEFT_OUT.format(step)}


def test_a_folder_that_others_may_write_to_is_an_error_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / ".sis-edge").mkdir()
    (tmp_path / ".sis-edge").chmod(0o777)
    tmp_path.chmod(0o700)
    found = {each.name: each.answer for each in examine_board(LocalTransport(tmp_path), profiles.load("local"))}
    assert (found["agent"].level, found["agent"].exit_code) == ("error", 8)
    assert "mode 0777" in found["agent"].said + str(found["agent"].fix)
    assert found["runtimes"].level == "not checked"


@pytest.fixture
def two_findings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Finding]:
    """What the library found, without looking."""
    from sis_edge import doctor

    found = [
        Finding("host", "Python", ok("3.12\x1b[2J")),
        Finding("board", "runtimes", error("none works", "pip install x")),
    ]
    monkeypatch.setattr(doctor, "examine_host", lambda: found[:1])
    monkeypatch.setattr(doctor, "examine_board", lambda transport, profile, words: found[1:])
    return found


def test_the_table_has_level_name_and_fix(two_findings: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 8
    shown = capsys.readouterr().out
    assert re.search(r"ok +Python +3\.12\N{REPLACEMENT CHARACTER}\[2J", shown)
    assert re.search(r"error +runtimes +none works *\n +fix: pip install x", shown)
    assert "1 error, 0 warnings, 0 not checked, 1 ok." in shown


def test_json_is_a_document_whatever_the_exit_code(
    two_findings: list[Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--json"]) == 8
    document = check("doctor", json.loads(capsys.readouterr().out))
    assert (document["errors"], document["warnings"], document["exit_code"]) == (1, 0, 8)
    assert [each["name"] for each in document["host"]] == ["Python"]
    assert [(each["board"], each["findings"][0]["name"]) for each in document["boards"]] == [("local", "runtimes")]
    assert "doctor" in {each.name for each in schemas.listed().schemas}


def test_every_board_of_an_inventory_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one command; a board that cannot be reached holds up none, and each fix has the words that reach its board."""
    from sis_edge import doctor

    (tmp_path / "boards.toml").write_text(
        '[boards.shelf]\nhost = "10.0.0.7"\nprofile = "raspberry-pi-5"\n\n[boards.desk]\nhost = "10.0.0.8"\n'
    )
    seen = {}

    def examine(transport: SshTransport, profile: DeviceProfile | None, words: tuple[str, ...]) -> list[Finding]:
        seen[transport.name.rpartition("@")[2]] = (profile and profile.name, words)
        wrong = refused(UnreachableError(f"{transport.name} does not answer; is it on?"))
        return [Finding("board", "connection", wrong if "10.0.0.8" in transport.name else ok("reached"))]

    monkeypatch.setattr(doctor, "examine_host", lambda: [])
    monkeypatch.setattr(doctor, "examine_board", examine)
    inventory = str(tmp_path / "boards.toml")
    assert run(["doctor", "--json", "--inventory", inventory]) == 6
    document = check("doctor", json.loads(capsys.readouterr().out))
    assert [(each["board"], each["findings"][0]["level"]) for each in document["boards"]] == [
        ("shelf", "ok"),
        ("desk", "error"),
    ]
    assert {name.partition(":")[0]: found for name, found in seen.items()} == {
        "10.0.0.7": ("raspberry-pi-5", ("--host", "shelf", "--inventory", inventory)),
        "10.0.0.8": (None, ("--host", "desk", "--inventory", inventory)),
    }


def options(server: Server, profile: Path) -> list[str]:
    return [
        *("doctor", "--json", "--profile", str(profile), "--host", "127.0.0.1", "--port", str(server.port)),
        *("--identity", str(server.identity), "--known-hosts", str(server.known_hosts)),
    ]


def sick_board(folder: Path) -> Path:
    """A Jetson Nano's tree in the wrong power mode, throttled, with a slow governor; returns its profile's file."""
    tree = folder / "sysroot"
    write_constant_files(simulated.load("nano-sim"), tree)
    for name, text in {
        "var/lib/nvpmodel/status": "pmode:0001 fmode:fanNull",
        "sys/class/thermal/cooling_device4/type": "cpu-throttle-alert",
        "sys/class/thermal/cooling_device4/cur_state": "1",
        "proc/stat": "cpu  100 0 0 1000 0 0 0 0 0 0",
        **{f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor": "powersave" for core in range(4)},
    }.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text + "\n")
    text = profiles.find("jetson-nano").read_text(encoding="utf-8")
    settings = AgentSettings(sysroot=str(tree))
    agent = f'[agent]\npython = "{settings.python}"\nroot = "{settings.root}"\nsysroot = "{settings.sysroot}"\n\n'
    (folder / "nano.toml").write_text(re.sub(r"\[agent\]\n[^\[]*", agent, text), encoding="utf-8")
    return folder / "nano.toml"


@pytest.mark.slow
def test_a_board_with_four_problems_over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that does not import, the wrong power mode, throttling, and a slow governor."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    broken = tmp_path / "broken" / "onnxruntime"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(
        "raise ImportError('libgomp.so.1: cannot open shared object file: No such file or directory')\n"
    )
    profile = sick_board(tmp_path)
    with serve(tmp_path / "sshd", start_up=f"export PYTHONPATH={broken.parent}") as server:
        done = sis_edge_here(*options(server, profile), cwd=tmp_path, HOME=str(server.client))
    document = check("doctor", json.loads(done.stdout))
    assert (done.returncode, document["exit_code"]) == (8, 8), done.stderr
    found = {each["name"]: each for each in document["boards"][0]["findings"]}
    for name, level, said, fix in (
        ("connection", "ok", "its host key is known", None),
        ("runtimes", "error", "libgomp.so.1", "sudo apt install libgomp1"),
        ("power mode", "error", "5W, and the profile says MAXN", "sudo nvpmodel -m 0"),
        ("throttling", "error", "cpu-throttle-alert", "cool the board"),
        ("governor", "warning", "powersave", "cpupower"),
        ("power sensors", "warning", "no power sensor can be read", "--meter"),
        ("hardware", "warning", "simulated", "real"),
        ("agent", "ok", "only this user", None),
    ):
        assert found[name]["level"] == level, found[name]
        assert said in found[name]["said"]
        assert (fix or "") in (found[name]["fix"] or "")
    assert found["NCHWc"]["level"] == "not checked"


@pytest.mark.slow
def test_a_board_without_python_over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / "empty").mkdir()
    profile = sick_board(tmp_path)
    with serve(tmp_path / "sshd", path=str(tmp_path / "empty")) as server:
        done = sis_edge_here(*options(server, profile), cwd=tmp_path, HOME=str(server.client))
    board = json.loads(done.stdout)["boards"][0]["findings"]
    assert done.returncode == 8
    assert [(each["name"], each["level"]) for each in board[:2]] == [("connection", "ok"), ("Python", "error")]
    assert "sudo apt install python3" in board[1]["fix"]
    assert {each["level"] for each in board[2:]} == {"not checked"}
    assert {each["said"] for each in board[2:]} == {LEFT_OUT.format("Python")}
