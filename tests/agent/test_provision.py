"""Wheels that the host brought: unpacked whole or not at all, found by the agent and its workers."""

import base64
import hashlib
import os
import sys
import types
import zipfile
from pathlib import Path

import pytest

from sis_agent.board import facts
from sis_agent.job import provision, wheel_tags
from sis_agent.protocol import ProblemError
from sis_agent.schema import JOB_VERSION, Job, NetworkJob, Preprocess

from .board import Board
from .interpreters import find

MACHINE = os.uname().machine
ANY = "thing-1.0-py3-none-any.whl"
FILES = {"thing/__init__.py": b"VALUE = 42\n"}


def write_wheel(folder: Path, name: str = ANY, files: dict[str, bytes] | None = None, damage: str = "") -> Path:
    """A real wheel with its RECORD; `damage` is a file whose content is changed behind it."""
    info = "-".join([*name.removesuffix(".whl").split("-"), "1.0"][:2]) + ".dist-info"
    files = dict(FILES if files is None else files)
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
    files[f"{info}/METADATA"] = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n".format(*info[:-10].split("-")).encode()
    rows = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        rows.append(f"{path},sha256={digest},{len(content)}")
    record = f"{info}/RECORD"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content + b"#" if path == damage else content)
        archive.writestr(record, "\n".join([*rows, f"{record},,"]) + "\n")
    return folder / name


@pytest.fixture(params=["3.6", "3.13"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Board:
    return Board(tmp_path / "root", find(request.param))


def packages(board: Board) -> set[str]:
    return {path.relative_to(board.root).as_posix() for path in (board.root / "site").rglob("*") if path.is_file()}


def test_a_wheel_is_unpacked(board: Board) -> None:
    wheel = write_wheel(board.root / "wheels")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    answer = board.call("provision", ANY).answer
    assert answer["wheels"] == {ANY: sha256}
    assert (Path(answer["folder"]) / "thing" / "__init__.py").read_bytes() == FILES["thing/__init__.py"]
    assert not wheel.exists(), "what is unpacked takes no room twice"
    assert board.call("provision").answer == answer


def test_another_set_takes_the_first_one_s_place(board: Board) -> None:
    write_wheel(board.root / "wheels")
    board.call("provision", ANY).answer  # noqa: B018
    other = "other-2.0-py3-none-any.whl"
    write_wheel(board.root / "wheels", other, {"other.py": b""})
    assert list(board.call("provision", other).answer["wheels"]) == [other]
    assert not [name for name in packages(board) if "thing/" in name]


def test_scripts_and_data_stay_out(board: Board) -> None:
    files = {"thing-1.0.data/purelib/pure.py": b"", "thing-1.0.data/scripts/run": b"#!python", "thing.py": b""}
    write_wheel(board.root / "wheels", files=files)
    board.call("provision", ANY).answer  # noqa: B018
    found = {name.split("/", 2)[2] for name in packages(board)}
    assert {name for name in found if ".dist-info/" not in name} == {"pure.py", "thing.py", "provisioned.json"}


@pytest.mark.parametrize(
    ("name", "files", "damage", "sentence"),
    [
        (ANY, None, "thing/__init__.py", "thing/__init__.py in the wheel thing-1.0-py3-none-any.whl is not what its"),
        (ANY, {"../../outside.py": b""}, "", "has a file outside of its folder"),
        (ANY, {"/tmp/outside.py": b""}, "", "has a file outside of its folder"),
        ("thing-1.0-cp27-cp27mu-manylinux2014_x86_64.whl", None, "", "is not for this board's Python 3."),
        (f"thing-1.0-cp35-cp35m-manylinux2014_{MACHINE}.whl", None, "", "is not for this board's Python 3."),
        ("thing-1.0-py3-none-manylinux2014_sparc.whl", None, "", f"on {MACHINE}; name the board's own profile"),
        ("thing.whl", None, "", "is not for this board's Python 3."),
    ],
)
def test_a_wheel_that_is_not_unpacked(
    board: Board, name: str, files: dict[str, bytes] | None, damage: str, sentence: str
) -> None:
    write_wheel(board.root / "wheels", "first-1.0-py3-none-any.whl", {"first.py": b""})
    board.call("provision", "first-1.0-py3-none-any.whl").answer  # noqa: B018
    before = packages(board)
    write_wheel(board.root / "wheels", name, files, damage)
    problem = board.call("provision", name).problem
    assert problem["code"] == "bad-wheel"
    assert sentence in problem["message"]
    assert packages(board) == before, "what was there stays"
    assert not list(board.root.rglob("outside.py"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", None])
def test_what_is_no_wheel(board: Board, content: bytes | None) -> None:
    (board.root / "wheels").mkdir()
    if content is not None:
        (board.root / "wheels" / ANY).write_bytes(content)
    problem = board.call("provision", ANY).problem
    assert problem["code"] == "bad-wheel"
    assert ("push it first" if content is None else "is damaged") in problem["message"]


@pytest.mark.parametrize("name", ["../agents/x.whl", "/etc/passwd", "thing.zip"])
def test_names_that_are_no_wheel_s(board: Board, name: str) -> None:
    assert board.call("provision", name).problem["code"] == "bad-wheel"


def test_the_agent_and_its_workers_find_the_packages(board: Board) -> None:
    """A package that says where it is from, in a worker: that is where the runner imports it."""
    worker = b"if 'sis_agent.worker.worker' in __import__('sys').modules:\n    "
    files = {
        "numpy.py": worker + b"raise ImportError('from the packages that were brought')\n",
        "onnxruntime.py": b"",
        "numpy-9.9.dist-info/METADATA": b"",
    }
    write_wheel(board.root / "wheels", files=files)
    board.call("provision", ANY).answer  # noqa: B018
    found = board.call("facts").answer
    assert found["packages"]["numpy"] == "9.9"
    assert found["runners"]["onnxruntime"] == "available"
    board.put_empty_bundle()
    networks = [NetworkJob("a", "model", "logits")]
    board.put_job("j1", Job(JOB_VERSION, "b1", networks, "inputs", 1e-4, Preprocess([0.0] * 3, [1.0] * 3)))
    board.call("run", "--foreground", "--job-id", "j1")
    state = board.call("status", "j1").answer
    assert "from the packages that were brought" in state["problem"]["message"]


def test_packages_that_do_not_run_change_nothing(board: Board) -> None:
    """The runtimes are imported before they take the place of what was there."""
    write_wheel(board.root / "wheels")
    board.call("provision", ANY).answer  # noqa: B018
    before = packages(board)
    name = "numpy-1.0-py3-none-any.whl"
    write_wheel(board.root / "wheels", name, {"numpy/__init__.py": b"import os\nos.abort()\n"})
    problem = board.call("provision", name).problem
    assert problem["code"] == "bad-wheel"
    assert "the agent's own numpy" in problem["message"]
    assert "its import was ended by SIGABRT" in problem["message"]
    assert "pin other versions in its [[wheels]]" in problem["message"]
    assert packages(board) == before
    entries = board.call("clean").answer["entries"]
    assert [entry["name"] for entry in entries if entry["kind"] == "logs"] == ["import-numpy.txt"]


@pytest.mark.parametrize(
    ("name", "glibc", "fits"),
    [
        ("a-1-py3-none-manylinux_2_28_x86_64.whl", "2.28", True),
        ("a-1-py3-none-manylinux_2_28_x86_64.whl", "2.27", False),
        ("a-1-py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", "2.27", True),
        ("a-1-py3-none-manylinux2014_x86_64.whl", "2.17", True),
        ("a-1-py3-none-manylinux2014_x86_64.whl", None, False),
        ("a-1-py3-none-musllinux_1_2_x86_64.whl", "2.41", False),
        ("a-1-py3-none-linux_x86_64.whl", None, True),
        ("a-1-py3-none-any.whl", None, True),
    ],
)
def test_wheels_for_the_c_library(name: str, glibc: str | None, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: types.SimpleNamespace(machine="x86_64"))
    monkeypatch.setattr(facts, "glibc_version", lambda: glibc)
    if fits:
        wheel_tags.check(name)
    else:
        with pytest.raises(ProblemError, match="for another system than this board's, which has") as raised:
            wheel_tags.check(name)
        assert raised.value.problem.code == "bad-wheel"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("32-bit", "is a 32-bit program (the kernel is"),
        ("musl", "there are no wheels of ONNX Runtime for it; use a system with glibc"),
        ("noexec", "is mounted noexec, so that no library in it can be loaded"),
        ("nothing", ""),
    ],
)
def test_boards_that_no_wheel_can_run_on(tmp_path: Path, what: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is pushed: the host asks what is there first."""
    flag = os.ST_NOEXEC if what == "noexec" else 0
    monkeypatch.setattr(os, "statvfs", lambda path: types.SimpleNamespace(f_flag=flag))
    if what == "32-bit":
        monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    if what == "musl":
        monkeypatch.setattr(facts, "glibc_version", lambda: None)
    if not said:
        assert provision.provision(str(tmp_path), []) == {"folder": provision.site_folder(str(tmp_path)), "wheels": {}}
        return
    with pytest.raises(ProblemError) as raised:
        provision.provision(str(tmp_path), [])
    assert raised.value.problem.code == "no-wheels"
    assert said in raised.value.problem.message


def test_cleaning_takes_them_away(tmp_path: Path) -> None:
    board = Board(tmp_path / "root", sys.executable)
    write_wheel(board.root / "wheels")
    board.call("provision", ANY).answer  # noqa: B018
    assert board.call("clean", "--kind", "bundles").answer["entries"] == []
    assert [entry["kind"] for entry in board.call("clean", "--kind", "wheels").answer["entries"]] == ["wheels"]
    assert board.call("provision").answer["wheels"] == {}
