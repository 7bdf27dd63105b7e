"""A runner and a power sensor of another package, in the real archive under the oldest and the newest Python."""

from pathlib import Path

import pytest
from outside import write_distribution

from sis_agent.lookup import BrokenPluginError, Modules
from sis_agent.power.base import UnavailableError
from sis_agent.schema import PowerRequest

from .board import Board
from .interpreters import OLDEST_AND_NEWEST, find

SLEEP_S = 0.002
MODULE = f"""
'''A network that sleeps, on a board with a meter that always says 4.5 W.'''

import time

from sis_agent.power.base import Source
from sis_agent.runners.base import Runner, Session


class Meter(Source):
    def read(self):
        return {{"IN": 4.5}}


def open_source(tree, commands):
    return Meter(["IN"], [], 0.05)


class SleepySession(Session):
    def step(self, batch):
        return lambda: time.sleep({SLEEP_S})


class SleepyRunner(Runner):
    computes = False
    on_gpu = True

    def details(self):
        return {{"runner": "sleepy"}}

    def load(self, model_path, options):
        return SleepySession()


def missing():
    return None


def make(threads, batch_size):
    return SleepyRunner()
"""

# What a module does wrong, and what is said of its names where it is a runner and where it is a sensor.
BROKEN = {
    "absent": ("import a_runtime_that_nobody_has", "ModuleNotFoundError: No module named 'a_runtime_that_nobody_has'"),
    "leaving": ("raise SystemExit('no')", "SystemExit: no"),
    "newer": ("def f():\n    return *a, 1", "SyntaxError"),
    "empty": ("", "AttributeError"),
    "lengthy": ("raise ImportError('first\\nsecond')", "(ImportError: first)"),
    "raising": ("def missing():\n    1 / 0\ndef open_source(tree, commands):\n    1 / 0", "ZeroDivisionError"),
}


@pytest.fixture(params=OLDEST_AND_NEWEST)
def python(request: pytest.FixtureRequest) -> str:
    return find(request.param)


def board_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str, **modules: str) -> Board:
    """A board whose agent was packed where a package adds these modules, each as a runner and as a sensor."""
    points = {name: f"{name}_module" for name in modules}
    files = {f"{name}_module.py": text for name, text in modules.items()}
    entry_points = {"sis_agent.runners": points, "sis_agent.power": points}
    monkeypatch.syspath_prepend(write_distribution(tmp_path / "outside", files, entry_points))
    board = Board(tmp_path / "root", python)
    board.put_empty_bundle()
    return board


def test_a_job_is_measured_with_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    board = board_with(tmp_path, monkeypatch, python, sleepy=MODULE)
    facts = board.call("facts").answer
    assert (facts["runners"]["sleepy"], facts["runners"]["null"]) == ("available", "available")
    assert facts["power_sources"]["sleepy"] == "available"
    assert list(facts["power_sources"])[-1] == "sleepy", "those of the agent's own come first"
    request = PowerRequest(["sleepy"], ["IN"], "the desk", idle_s=0.2, block_s=0.2, blocks=1)
    board.put_null_job("j1", runner="sleepy", power=request, inferences_per_round=2)
    board.call("run", "--foreground", "--job-id", "j1").answer  # noqa: B018
    record = board.record("j1")
    assert (record.problem, record.runner_details["runner"]) == (None, "sleepy")
    assert record.runner_details["on_gpu"] is True
    latencies_s = [
        latency_s for network in record.networks for turn in network.rounds for latency_s in turn.latencies_s
    ]
    assert len(latencies_s) == 2 * 3 * 2
    assert min(latencies_s) >= SLEEP_S
    assert (record.power.status, record.power.total_rails, record.power.scope) == ("measured", ["IN"], "the desk")
    (trace,) = record.power.traces
    assert (trace.source, set(trace.power_w["IN"])) == ("sleepy", {4.5})


@pytest.mark.slow
def test_a_module_that_breaks_costs_its_own_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    board = board_with(tmp_path, monkeypatch, python, **{name: text for name, (text, _) in BROKEN.items()})
    facts = board.call("facts")
    runners, sensors = facts.answer["runners"], facts.answer["power_sources"]
    assert runners["null"] == "available"
    for name, (_, text) in BROKEN.items():
        if name == "newer" and "3.13" in python:
            text = "AttributeError"  # the grammar of 3.8, which this Python reads
        for said in (runners[name], sensors[name]):
            assert said.startswith("unavailable ("), said
            assert text in said
    assert "Traceback" in facts.log, "for whoever writes the module"
    board.put_null_job("j1", runner="absent")
    problem = board.call("run", "--job-id", "j1").problem
    assert problem["code"] == "no-runtime"
    assert problem["message"].startswith("the runner absent cannot be used here: unavailable (ModuleNotFoundError")
    board.put_null_job("j2", power=PowerRequest(["raising"], idle_s=0.2, block_s=0.2, blocks=1))
    board.call("run", "--foreground", "--job-id", "j2").answer  # noqa: B018
    power = board.record("j2").power
    assert power.status == "unavailable"
    assert "raising: unavailable (ZeroDivisionError: division by zero)" in (power.reason or "")


@pytest.mark.slow
def test_what_a_module_gives_must_be_what_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def missing():\n    return None\ndef make(threads, batch_size):\n    return 3\n"
    text += "def open_source(tree, commands):\n    return 4\n"
    board = board_with(tmp_path, monkeypatch, find("3.13"), odd=text)
    board.put_null_job("j1", runner="odd")
    board.call("run", "--foreground", "--job-id", "j1").answer  # noqa: B018
    problem = board.record("j1").problem
    assert problem is not None
    assert "make() gives 3, and must give a Runner" in problem.message
    board.put_null_job("j2", power=PowerRequest(["odd"], idle_s=0.2, block_s=0.2, blocks=1))
    board.call("run", "--foreground", "--job-id", "j2").answer  # noqa: B018
    assert "open_source() gives 4, and must give a Source" in (board.record("j2").power.reason or "")


def test_the_readmes_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sensor, measured by a job on a recorded board that has such a file; its runner is a sketch that imports."""
    text = (Path(__file__).parents[2] / "agent/README.md").read_text()
    section = text.partition("## Runners and power sensors of your own")[2].partition("## Files")[0]
    blocks = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    code = "\n".join(line for line in blocks if not line.startswith(("[project", "my-meter")))
    board = board_with(tmp_path, monkeypatch, find("3.6"), example=code)
    (tmp_path / "sysroot/sys/my").mkdir(parents=True)
    words = ("--sysroot", str(tmp_path / "sysroot"))
    assert board.call(*words, "facts").answer["power_sources"]["example"] == "no /sys/my/power on this board"
    (tmp_path / "sysroot/sys/my/power").write_text("2500000\n")
    facts = board.call(*words, "facts").answer
    assert (facts["runners"]["example"], facts["power_sources"]["example"]) == ("available", "available")
    board.put_null_job("j1", power=PowerRequest(["example"], idle_s=0.2, block_s=0.2, blocks=1))
    board.call(*words, "run", "--foreground", "--job-id", "j1").answer  # noqa: B018
    (trace,) = board.record("j1").power.traces
    assert set(trace.power_w["INPUT"]) == {2.5}


def test_an_error_of_the_agents_own_module_stays_an_error() -> None:
    """A bug of ours must not read as something that the board lacks."""
    modules = Modules({"ours": "json"}, {"theirs": "json", "ours": "csv"}, answers=UnavailableError)
    assert list(modules) == ["ours", "theirs"]
    with modules.using("ours") as module:
        assert module.__name__ == "json", "a plugin cannot take a name of the agent's own"
    with pytest.raises(KeyError), modules.using("ours"):
        raise KeyError("ours")
    with pytest.raises(UnavailableError, match="no chip"), modules.using("theirs"):
        raise UnavailableError("no chip")
    with pytest.raises(BrokenPluginError, match=r"unavailable \(KeyError: 'theirs'\)"), modules.using("theirs"):
        raise KeyError("theirs")
