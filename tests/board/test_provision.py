"""Bringing ONNX Runtime to a board: pip's own download, a real push, the real agent; real wheels in the long tests."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from agent.interpreters import find
from agent.test_provision import write_wheel
from permissions import open_to_others
from sshd import serve
from tiny_bundle import tiny_bundle, tiny_profile

from sis_agent.schema import Facts
from sis_edge import profiles
from sis_edge.board import wheel_hashes
from sis_edge.board.agent_client import AgentClient
from sis_edge.board.deploy import deploy
from sis_edge.board.events import Event
from sis_edge.board.provision import download, pinned, platforms, provision
from sis_edge.errors import AgentError, BoardError
from sis_edge.files.hashing import file_sha256
from sis_edge.profiles import DeviceProfile, validate
from sis_edge.transport import Completed
from sis_edge.transport.local import LocalTransport

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
WHEEL = "thing-1.0-py3-none-any.whl"


def with_wheels(*packages: str, python: str = PYTHON, **agent: str) -> DeviceProfile:
    profile = tiny_profile().model_dump()
    wheels = [{"python": python, "packages": list(packages)}]
    return validate({**profile, "wheels": wheels, "agent": {**profile["agent"], **agent}})


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows of the world."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    write_wheel(tmp_path / "index")
    return tmp_path / "index"


@pytest.fixture
def agent(tmp_path: Path) -> AgentClient:
    client = AgentClient(LocalTransport(tmp_path / "board"), tiny_profile().agent)
    client.install()
    return client


def test_a_board_gets_its_wheels_once(index: Path, agent: AgentClient, tmp_path: Path) -> None:
    said: list[str] = []
    given = (agent.transport, agent, with_wheels("thing==1.0"), agent.facts(), tmp_path / "cache")
    assert provision(*given, said.append)
    assert list(agent.provision()) == [WHEEL]
    root = tmp_path / "board/.sis-edge"
    assert list(root.rglob("site/*/thing")), "unpacked"
    assert open_to_others(root) == []
    assert any(WHEEL in sentence for sentence in said)
    (index / WHEEL).unlink()
    said.clear()
    assert not provision(*given, said.append), "from the cache, and the board has it"
    assert said[-1] == "local has thing==1.0 from before"


def test_a_damaged_cache_is_filled_again(index: Path, tmp_path: Path) -> None:
    (wheel,) = download(["thing==1.0"], PYTHON, ["manylinux2014_x86_64"], tmp_path / "cache")
    whole = wheel.read_bytes()
    wheel.write_bytes(b"damage")
    (again,) = download(["thing==1.0"], PYTHON, ["manylinux2014_x86_64"], tmp_path / "cache")
    assert again.read_bytes() == whole


@pytest.mark.parametrize("python", ["3.6", "3.13"])
def test_what_there_is_no_wheel_of(index: Path, tmp_path: Path, python: str) -> None:
    with pytest.raises(BoardError) as raised:
        download(["thing==2.0"], python, platforms("aarch64", "2.27"), tmp_path / "cache")
    sentence = str(raised.value)
    assert f"cannot download thing==2.0 for Python {python} on manylinux_2_27_aarch64: No matching dist" in sentence
    assert "is there a network" in sentence
    assert not list((tmp_path / "cache").rglob("done.json"))


@pytest.mark.slow
def test_another_processor_s_wheel_is_fetched_and_not_unpacked(index: Path, agent: AgentClient, tmp_path: Path) -> None:
    """Such as where the profile is another board's: the board itself refuses it."""
    name = f"other-1.0-cp{PYTHON.replace('.', '')}-none-manylinux2014_aarch64.whl"
    write_wheel(index, name, {"other.py": b""})
    facts = agent.facts()._replace(machine="aarch64")
    with pytest.raises(BoardError, match=r"other-1.0-.* is not for this board's Python"):
        provision(agent.transport, agent, with_wheels("other==1.0"), facts, tmp_path / "cache", lambda sentence: None)
    assert agent.provision() == {}


HASHED = [
    (name, wheels.python, package, machine)
    for name in profiles.names()
    for board in (profiles.load(name),)
    for wheels in board.wheels
    for package in wheels.packages
    for machine in (("x86_64", "aarch64") if board.board.architecture == "any" else (board.board.architecture,))
]


def test_every_wheel_that_a_shipped_profile_pins_is_pinned_by_its_hash() -> None:
    known = wheel_hashes.listed()
    assert all(len(sha256) == 64 for sha256 in known.values())
    needed = set()
    for name, python, package, machine in HASHED:
        begin = f"{package.replace('==', '-')}-cp{python.replace('.', '')}-"
        fitting = {wheel for wheel in known if wheel.startswith(begin) and wheel.endswith(f"_{machine}.whl")}
        assert fitting, f"{name} pins {package} for Python {python} on {machine}"
        needed |= fitting
    assert known.keys() == needed


def test_a_wheel_that_is_not_the_pinned_one_does_not_reach_the_board(
    index: Path, agent: AgentClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an index gives it that somebody else fills; the next try downloads it again."""
    (tmp_path / "wheels.sha256").write_text(f"{'0' * 64}  {WHEEL}\n")
    monkeypatch.setattr(wheel_hashes, "LISTING", tmp_path / "wheels.sha256")
    sha256 = file_sha256(index / WHEEL)
    given = (agent.transport, agent, with_wheels("thing==1.0"), agent.facts(), tmp_path / "cache")
    with pytest.raises(BoardError, match=rf"{WHEEL} has the SHA-256 {sha256}, which is not pinned for its release"):
        provision(*given, lambda sentence: None)
    assert agent.provision() == {}
    assert not (tmp_path / "board/.sis-edge/wheels").exists()
    assert not list((tmp_path / "cache").rglob("*.whl"))


def test_another_file_of_a_pinned_release_is_refused(index: Path, tmp_path: Path) -> None:
    """The index may name a file as it likes."""
    known = next(name for name in wheel_hashes.listed() if name.startswith("numpy-1.26.4-cp311"))
    other = tmp_path / known.replace("-cp311-cp311-", "-1-cp311-cp311-")
    other.write_bytes(b"x")
    with pytest.raises(BoardError, match="is not pinned for its release: it was removed"):
        wheel_hashes.check([other], [], lambda sentence: None)
    assert not other.exists()


def test_wheels_of_a_profile_of_the_user_s_own(index: Path) -> None:
    said: list[str] = []
    wheel = index / WHEEL
    wheel_hashes.check([wheel], [], said.append)
    assert said == [f"{WHEEL} is taken as pip's index has it: the profile pins no SHA-256 for it"]
    wheel_hashes.check([wheel], ["0" * 64, file_sha256(wheel)], said.append)
    with pytest.raises(BoardError, match="not pinned"):
        wheel_hashes.check([wheel], ["0" * 64], said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (Facts(machine="aarch64", python="3.7.3"), r"pins no wheels for pi's Python 3.7.3; it has some for: 3.9, 3.11"),
        (Facts(machine="aarch64"), r"Python \(unknown\)"),
    ],
)
def test_a_python_that_nothing_is_pinned_for(facts: Facts, sentence: str) -> None:
    with pytest.raises(BoardError, match=sentence):
        pinned(profiles.load("raspberry-pi-4"), facts, "pi")


@pytest.mark.parametrize("machine", ["armv7l", "riscv64", None])
def test_a_processor_without_wheels(agent: AgentClient, tmp_path: Path, machine: str | None) -> None:
    facts = agent.facts()._replace(machine=machine)
    with pytest.raises(BoardError, match=r"they exist for x86_64 and aarch64; a 64-bit system is needed"):
        provision(agent.transport, agent, with_wheels("thing==1.0"), facts, tmp_path, lambda sentence: None)


@pytest.mark.parametrize(
    ("machine", "glibc", "first", "last", "absent"),
    [
        ("aarch64", "2.27", "manylinux_2_27_aarch64", "manylinux2014_aarch64", "manylinux_2_28_aarch64"),
        ("x86_64", "2.17", "manylinux_2_17_x86_64", "manylinux1_x86_64", "manylinux_2_18_x86_64"),
        ("aarch64", None, "manylinux_2_17_aarch64", "manylinux2014_aarch64", "manylinux_2_5_aarch64"),
        ("aarch64", "strange", "manylinux_2_17_aarch64", "manylinux2014_aarch64", "manylinux1_aarch64"),
    ],
)
def test_the_platforms_of_a_system(machine: str, glibc: str | None, first: str, last: str, absent: str) -> None:
    tags = platforms(machine, glibc)
    assert (tags[0], tags[-1]) == (first, last)
    assert absent not in tags


def test_what_cannot_run_is_not_pushed(index: Path, agent: AgentClient, tmp_path: Path) -> None:
    """A board where no wheel can run says so before one is fetched; one that does not import changes nothing."""
    pushed: list[str] = []

    class Noexec(LocalTransport):
        def feed(self, argv: Sequence[str], pieces: Iterable[bytes], **options: Any) -> Completed:
            pushed.append(argv[-1])
            return super().feed(argv, pieces, **options)

        def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
            if "provision" in argv:
                argv = [argv[0], "-c", NOEXEC, *argv[1:]]
            return super().run(argv, timeout_s=timeout_s)

    board = AgentClient(Noexec(tmp_path / "board"), tiny_profile().agent)
    board.install()
    pushed.clear()
    given = (with_wheels("thing==1.0"), board.facts(), tmp_path / "cache", lambda sentence: None)
    with pytest.raises(BoardError, match=r"mounted noexec, so that no library in it can be loaded"):
        provision(board.transport, board, *given)
    assert pushed == []
    assert not list((tmp_path / "cache").rglob("*.whl")), "nothing was fetched either"


# The agent on a file system that is mounted noexec: everything but the answer of statvfs is as it is.
NOEXEC = """
import os, runpy, sys, types
os.statvfs = lambda path: types.SimpleNamespace(f_flag=os.ST_NOEXEC)
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_an_agent_that_forgets_its_wheels(agent: AgentClient) -> None:
    with pytest.raises((AgentError, BoardError), match=r"the wheel thing-1.0-.* is not on this board; push it first"):
        agent.provision(WHEEL)


# Real wheels from the package index.


@pytest.mark.slow
@pytest.mark.parametrize(("version", "onnxruntime"), [("3.6", "1.10.0"), ("3.11", "1.23.2")])
def test_a_bare_board_measures_over_ssh(tmp_path: Path, version: str, onnxruntime: str) -> None:
    """A Python with nothing installed, not even pip; the wheels come from here."""
    subprocess.run([find(version), "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    said: list[Event] = []
    profile = tiny_profile().model_copy(update={"wheels": profiles.load("x86-64").wheels})
    with serve(tmp_path / "sshd", path=f"{tmp_path / 'bare' / 'bin'}:/usr/bin:/bin") as server:
        transport = server.transport()
        bundle = tiny_bundle(tmp_path / "bundle")
        with pytest.raises(BoardError, match=r"cannot run onnxruntime.*--provision"):
            deploy(bundle, transport, profile)
        record = deploy(bundle, transport, profile, provision_from=tmp_path / "cache", on_event=said.append)
        transport.close()
    assert record.problem is None
    assert record.runner_details["onnxruntime"] == onnxruntime
    assert (record.facts_before.python or "").startswith(version)
    for network in record.networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
    assert [event.message for event in said if event.stage == "provision"][-1].endswith("in the agent's own folder")


PINS = sorted(
    {
        (wheels.python, tuple(wheels.packages))
        for name in profiles.names()
        for wheels in profiles.load(name).wheels
        if profiles.load(name).board.architecture == "aarch64"
    }
)
# The oldest glibc of a system with this Python, among those that the profiles are for.
GLIBC = {"3.6": "2.27", "3.8": "2.31", "3.9": "2.31", "3.10": "2.35", "3.11": "2.36", "3.12": "2.39", "3.13": "2.41"}


@pytest.mark.slow
@pytest.mark.parametrize(("python", "packages"), PINS)
def test_every_pinned_wheel_exists_for_arm(tmp_path: Path, python: str, packages: tuple[str, ...]) -> None:
    wheels = download(packages, python, platforms("aarch64", GLIBC[python]), tmp_path)
    assert len(wheels) == len(packages)
    tag = f"cp{python.replace('.', '')}"
    for wheel in wheels:
        assert tag in wheel.name
        assert "aarch64" in wheel.name
