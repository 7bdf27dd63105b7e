"""What a command shows while it works where nobody looks at a terminal: lines, and never silence for long."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import environment

from sis_edge.board.deploy import Event
from sis_edge.build.pipeline import Step
from sis_edge.cli import progress, verbosity
from sis_edge.cli.progress import SILENCE_S, Lines, Silent, bars


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Screen:
    """Lines of a command, with a clock of the test's own."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.said: list[str] = []
        self.lines = Lines("build", self.said.append, self.clock)

    def after(self, seconds: float) -> list[str]:
        """What is said once so much time has passed and the heart has beaten."""
        self.said.clear()
        self.clock.now_s += seconds
        self.lines.beat()
        return list(self.said)


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_the_last_step_is_told_again_and_again_while_a_call_does_not_come_back(screen: Screen) -> None:
    screen.lines.step(Step("nin", "train", 12, 40, "loss 2.1"))
    assert screen.after(5) == []
    assert screen.after(5) == ["train nin: 12 of 40 steps, 10 s"]
    assert screen.after(5) == []
    screen.lines.step(Step("nin", "train", 30, 40, "loss 1.1"))
    assert screen.after(60) == ["train nin: 30 of 40 steps, 1 min 15 s"]


def test_a_finished_step_is_one_line_with_what_it_took(screen: Screen) -> None:
    screen.lines.step(Step("nin", "train", 0, 40, "loss 2.1"))
    screen.clock.now_s += 25
    for _ in range(2):
        screen.lines.step(Step("nin", "train", 40, 40, "loss 0.5"))
    assert screen.said == ["train nin: loss 0.5 (25 s)"]
    assert screen.after(12) == ["build: still working, 12 s after: train nin"]
    screen.lines.step(Step("nin", "export", 1, 1, "done before"))
    assert screen.said[-1] == "export nin: done before"


def test_before_the_first_step(screen: Screen) -> None:
    assert screen.after(9) == ["build: 9 s"]


def test_a_message_is_a_sign_of_life(screen: Screen) -> None:
    screen.clock.now_s += 7
    screen.lines.note("not calibrated")
    assert screen.said == ["not calibrated"]
    assert screen.after(7) == []
    assert len(screen.after(7)) == 1


def test_steps_without_a_unit_are_shares(screen: Screen) -> None:
    screen.lines.show("check dense", 3, 20)
    assert screen.after(9) == ["check dense: 15%, 9 s"]
    screen.lines.show("fetch", 0, 1)
    assert screen.after(9) == ["fetch: 9 s"]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event("measure", "", 3, 10, {"phase": "rounds", "network": "nin"}), "measure: 3 of 10 rounds, 9 s"),
        (
            Event("measure", "", 40, 500, {"phase": "accuracy", "network": "nin"}),
            "accuracy of nin: 40 of 500 images, 9 s",
        ),
        (Event("push", "a.onnx", 1000, 4000), "push the bundle: 0.001 of 0.004 MB, 9 s"),
        (Event("measure", "", 1, 2, {"phase": "new"}), "new: 50%, 9 s"),
    ],
)
def test_events_of_a_deployment(screen: Screen, event: Event, line: str) -> None:
    screen.lines.event(event)
    assert screen.after(9) == [line]


def test_a_push_shows_its_rate_and_the_time_left(screen: Screen) -> None:
    for done_mb in range(0, 24, 2):  # 2 MB/s, of which the last ten seconds count
        screen.lines.event(Event("push", "a.onnx", done_mb * 1e6, 100e6))
        screen.clock.now_s += 1
    assert screen.after(8) == ["push the bundle: 22.0 of 100.0 MB, 2.00 MB/s, 39 s left"]
    screen.lines.event(Event("push", "a.onnx", 24e6, 100e6))
    assert screen.after(9) == ["push the bundle: 24.0 of 100.0 MB, 0.55 MB/s, 2 min 19 s left"]
    screen.lines.event(Event("push", "a.onnx", 20e6, 100e6))  # what was under way when the link was cut
    assert screen.after(9) == ["push the bundle: 20.0 of 100.0 MB, 38 s"]
    screen.lines.event(Event("push", "a.onnx", 100e6, 100e6))
    assert screen.said[-1] == "push the bundle: 100.0 MB (38 s)"


def test_a_phase_ends_where_the_next_begins(screen: Screen) -> None:
    for seconds, phase, done in ((5, "alone", 0), (5, "accuracy", 2), (5, "alone", 1), (9, "load", 0)):
        screen.lines.event(Event("measure", "", done, 2, {"phase": phase, "network": "nin"}))
        screen.clock.now_s += seconds
    assert screen.said == ["accuracy of nin", "each network alone (15 s)"]
    assert screen.after(9) == ["load networks: 0 of 2 networks, 18 s"]


def test_an_event_without_a_count_is_its_message(screen: Screen) -> None:
    screen.lines.event(Event("link", "the board is lost; trying again in 1 s"))
    assert screen.said == ["the board is lost; trying again in 1 s"]


def test_the_next_look_is_when_the_silence_would_be_too_long(screen: Screen) -> None:
    screen.lines.note("begun")
    screen.clock.now_s += 3
    assert screen.lines.beat() == pytest.approx(SILENCE_S - 3)
    assert SILENCE_S < 10


def test_no_lines_when_quiet_and_none_after_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        verbosity.choose(quiet=True, verbose=False)
        with bars("build", silence_s=0.01) as shown:
            assert isinstance(shown, Silent)
            shown.step(Step("nin", "train", 40, 40))
            shown.note("a note")
            time.sleep(0.05)
    finally:
        verbosity.reset()
    assert capsys.readouterr() == ("", "")
    with bars("build", silence_s=0.01) as shown:
        time.sleep(0.1)
    assert "build: 0 s" in capsys.readouterr().err
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_an_error_ends_the_heart_too() -> None:
    with pytest.raises(KeyError), bars("build", silence_s=0.01):
        raise KeyError
    assert not [each for each in progress.threading.enumerate() if each.name == "heartbeat"]


@pytest.mark.slow
def test_a_slow_step_of_a_real_command_is_heard_of(tmp_path: Path) -> None:
    """A build whose training sleeps: the process must speak though the library does not come back."""
    code = (
        "import time; from sis_edge.cli import run, progress; from sis_edge.training import stage\n"
        "real = stage.run\n"
        "def slow(*args, **options):\n"
        "    time.sleep(3); return real(*args, **options)\n"
        "stage.run = slow\n"
        "progress.bars.__wrapped__.__defaults__ = (0.5,)\n"
        "from sis_edge.formation import Formation, form; from sis_edge.spec import nin; from pathlib import Path\n"
        "form(nin(), Formation(t_c=0.05, t_p=0.1, conv='neuron')).save(Path('small.npz'))\n"
        "raise SystemExit(run('build --profile local --dataset digits --networks small.npz --epochs 1 --limit 64 "
        "--test-images 40 --json'.split()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")
    beats = re.findall(r"^build: still working, \d+ s after: compile kernels for \S+$", done.stderr, re.M)
    assert len(beats) >= 3, done.stderr
