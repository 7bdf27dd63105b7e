"""Each check of a board: what makes it ok, a warning or an error, and the fix that it names."""

import shlex
from typing import Any

import pytest
import typer.main

from sis_agent.schema import Busy, Examination, Facts, StateSample
from sis_edge import profiles
from sis_edge.cli import app
from sis_edge.doctor.board import BOARD
from sis_edge.doctor.check import Finding, examine
from sis_edge.doctor.meeting import MetBoard
from sis_edge.profiles.detect import detect
from sis_edge.transport import LocalTransport

PI5 = profiles.load("raspberry-pi-5")
NANO = profiles.load("jetson-nano")
ANY_MODE = NANO.model_copy(update={"measuring": NANO.measuring.model_copy(update={"power_mode": None})})
STATE = StateSample(
    t_s=1.0,
    cpu_frequency_hz=[2.4e9] * 4,
    temperatures_c={"cpu-thermal": 51.0},
    throttle={"under-voltage": 0.0, "under-voltage occurred": 0.0},
    cpu_busy=0.02,
    own_cpu=0.01,
    steal=0.0,
    memory_available_bytes=3 << 30,
    swap_used_bytes=0,
    governor="ondemand",
)
FACTS = Facts(
    machine="aarch64",
    model="Raspberry Pi 5 Model B Rev 1.0",
    os_name="Debian GNU/Linux 12 (bookworm)",
    glibc="2.36",
    python="3.11.2",
    cpu_count=4,
    cpu_features=["asimd", "asimdhp", "asimddp"],
    memory_total_bytes=8 << 30,
    disk_free_bytes=10 << 30,
    governor="ondemand",
    packages={"onnxruntime": "1.23.2", "numpy": "1.26.4"},
    runners={"onnxruntime": "available", "tflite": "not installed for python3 on this board: ai_edge_litert; install"},
    power_sources={"pi-pmic": "available", "replay": "no"},
    allowed_cores=[0, 1, 2, 3],
)
SEEN = Examination(STATE, sets_clocks=True, blocked=False)


def findings(
    facts: dict[str, Any] | None = None,
    state: dict[str, Any] | None = None,
    seen: dict[str, Any] | None = None,
    profile: profiles.DeviceProfile = PI5,
    **met: Any,
) -> dict[str, Finding]:
    """The findings of a healthy Raspberry Pi 5 with these things changed, by check."""
    given = FACTS._replace(**facts or {})
    board = MetBoard(
        LocalTransport(),
        None if profile is PI5 else profile,
        ("--host", "pi5"),
        version=(3, 11, 2),
        facts=given,
        detection=detect(given, [PI5, profiles.load("local")]) if profile is PI5 else None,
        examination=SEEN._replace(state=STATE._replace(**state or {}), **seen or {}),
    )
    for name, value in met.items():
        setattr(board, name, value)
    return {each.name: each for each in examine("board", board, BOARD, board.lacks.get)}


def test_a_healthy_board_is_ok() -> None:
    assert {name: each.answer for name, each in findings().items() if each.answer.level != "ok"} == {}


LOCKED = (
    "onnxruntime is installed for /usr/bin/python3 and cannot be imported: libgomp.so.1: cannot open; {}; "
    "its log on the board: /l"
)


@pytest.mark.parametrize(
    ("check", "level", "said", "fix", "changed"),
    [
        ("clock", "warning", "365 days behind", "timedatectl set-ntp", {"clock_ahead_s": -365 * 86400.0}),
        ("clock", "warning", "5 minutes ahead of", "timedatectl set-ntp", {"clock_ahead_s": 300.0}),
        ("system", "error", "armv7l", "64-bit", {"facts": {"machine": "armv7l"}}),
        ("hardware", "warning", "dummy-virt", "real board", {"facts": {"emulated": True, "emulation": "dummy-virt"}}),
        ("hardware", "warning", "cannot be told", "itself", {"facts": {"emulation": "a vm: cannot be told"}}),
        ("hardware", "warning", "container (docker) in kvm", "", {"facts": {"container": "docker", "virtual": "kvm"}}),
        (
            "profile",
            "warning",
            "memory: 1.0 GB",
            "--profile",
            {"facts": {"memory_total_bytes": 10**9}, "profile": NANO},
        ),
        (
            "runtimes",
            "error",
            "cannot be imported: libgomp.so.1: cannot open (log on the board: /l)",
            "sudo apt install libgomp1",
            {"facts": {"runners": {"onnxruntime": LOCKED.format("`sudo apt install libgomp1`")}}},
        ),
        ("runtimes", "error", "not know it", "deploy --provision", {"facts": {"runners": {}}}),
        (
            "other runtimes",
            "warning",
            "tflite",
            "apt",
            {"facts": {"runners": {"onnxruntime": "available", "tflite": "tflite cannot be imported: x; apt y"}}},
        ),
        (
            "wheels",
            "warning",
            "onnxruntime is 1.19.2, pinned 1.23.2",
            "--provision",
            {"facts": {"packages": {"onnxruntime": "1.19.2", "numpy": "1.26.4"}}},
        ),
        ("wheels", "warning", "the board has 3.12", "[[wheels]]", {"version": (3, 12, 1)}),
        ("native kernels", "error", "noexec", "`root`", {"facts": {"root_noexec": True}}),
        ("native kernels", "not checked", "riscv64", "", {"facts": {"machine": "riscv64"}}),
        ("NCHWc", "not checked", "a job", "", {"seen": {"blocked": None, "blocked_reason": "a job"}}),
        (
            "power sensors",
            "warning",
            "no vcgencmd",
            "--meter",
            {"facts": {"power_sources": {"pi-pmic": "no vcgencmd"}}},
        ),
        ("power mode", "not checked", "nvpmodel", "", {"profile": ANY_MODE}),
        ("governor", "warning", "powersave", "cpupower", {"state": {"governor": "powersave"}}),
        ("governor", "not checked", "cpufreq", "", {"state": {"governor": None}, "facts": {"governor": None}}),
        ("clock locks", "warning", "sudo asks", "sudoers", {"seen": {"sets_clocks": False}}),
        ("clock locks", "error", "not put back", "reboot", {"seen": {"owes_clocks": True}}),
        ("CPU clocks", "not checked", "VALID as far as seen", "", {"state": {"cpu_frequency_hz": []}}),
        (
            "temperatures",
            "warning",
            "cpu-thermal 81 °C",
            "cool",
            {"state": {"temperatures_c": {"cpu-thermal": 81.0}}, "facts": {"trip_points_c": {"cpu-thermal": 85.0}}},
        ),
        ("temperatures", "not checked", "no temperature", "", {"state": {"temperatures_c": {}}}),
        ("throttling", "error", "under-voltage", "supply", {"state": {"throttle": {"under-voltage": 1.0}}}),
        (
            "throttling",
            "warning",
            "since its start: throttled occurred",
            "cool",
            {"state": {"throttle": {"throttled occurred": 1.0}}},
        ),
        ("throttling", "not checked", "does not report", "", {"state": {"throttle": {}}}),
        ("CPU quota", "error", "grants 1.5 cores", "cpu.max", {"facts": {"cpu_quota_cores": 1.5}}),
        ("CPU quota", "warning", "2 cores may be used", "threads", {"facts": {"allowed_cores": [0, 1]}}),
        ("memory", "warning", "300 MB", "end other", {"state": {"memory_available_bytes": 300 * 10**6}}),
        ("memory", "error", "50 MB", "swap", {"state": {"memory_available_bytes": 50 * 10**6}}),
        ("swap", "warning", "200 MB in use", "swapoff", {"state": {"swap_used_bytes": 200 * 10**6}}),
        ("free space", "error", "10 MB", "sis-edge clean --host pi5", {"facts": {"disk_free_bytes": 10 * 10**6}}),
        ("free space", "warning", "300 MB", "sis-edge clean --host pi5", {"facts": {"disk_free_bytes": 300 * 10**6}}),
        (
            "other load",
            "warning",
            "ffmpeg of pi (process 77, 1.90 cores)",
            "kill 77",
            {"state": {"cpu_busy": 0.5}, "seen": {"busiest": [Busy("ffmpeg", "pi", 77, 1.9)]}},
        ),
        ("steal", "warning", "8.0%", "board of its own", {"state": {"steal": 0.08}}),
        ("jobs", "warning", "job 20260101T", "jobs cancel 20260101T", {"seen": {"measuring": "20260101T"}}),
        ("jobs", "warning", "at work on it (calibration)", "wait", {"seen": {"measuring": "calibration"}}),
        ("jobs", "warning", "of eve", "wait", {"seen": {"agents": [Busy("python3", "eve", 9, 0.0)]}}),
        ("logout", "warning", "logind", "enable-linger", {"facts": {"kill_user_processes": True}}),
    ],
)
def test_each_fault_is_found(check: str, level: str, said: str, fix: str, changed: dict[str, Any]) -> None:
    answer = findings(**changed)[check].answer
    assert answer.level == level
    assert said in answer.said
    assert (answer.fix is not None) == (level in ("warning", "error"))
    assert fix in (answer.fix or "")
    assert (answer.exit_code == 8) == (level == "error")


def test_the_command_that_provisions_can_be_typed() -> None:
    """As it stands in the finding: a command, its options and their values."""
    words = shlex.split(str(findings(facts={"runners": {}})["runtimes"].answer.fix).partition(" or ")[0])
    root: Any = typer.main.get_command(app)
    assert words[0] == "sis-edge"
    context = root.commands[words[1]].make_context("deploy", words[2:])
    assert (context.params["host"], context.params["provision"]) == ("pi5", True)


def test_a_wrong_power_mode_names_the_command() -> None:
    answer = findings(state={"power_mode": "5W"}, profile=NANO)["power mode"].answer
    assert (answer.level, answer.fix) == ("error", "sudo nvpmodel -m 0 on the board")
    assert findings(state={"power_mode": "maxn"}, profile=NANO)["power mode"].answer.level == "ok"
    assert findings(profile=NANO)["power mode"].answer.level == "warning"


def test_a_better_runtime_that_fails_is_a_warning() -> None:
    name = NANO.runtime.runners[0]
    states = {name: f"{name} is installed and cannot be imported: x; `pip install y`", "onnxruntime": "available"}
    nano = NANO.model_copy(update={"runtime": NANO.runtime.model_copy(update={"runners": [name, "onnxruntime"]})})
    answer = findings(facts={"runners": states}, profile=nano)["runtimes"].answer
    assert answer.level == "warning"
    assert "pip install y" in str(answer.fix)


@pytest.mark.parametrize("simulated", [True, False])
def test_a_simulated_board_has_this_machine_s_programs_and_no_fix_for_them(simulated: bool) -> None:
    first, *_ = NANO.runtime.runners
    lacks = {"runners": {first: "not installed; install it", "onnxruntime": "available"}, "simulated": simulated}
    found = findings(facts=lacks, profile=NANO, version=(3, 12, 1))
    runtimes, wheels = found["runtimes"].answer, found["wheels"].answer
    assert (runtimes.level, wheels.level) == (("ok", "not checked") if simulated else ("warning", "warning"))
    assert first in runtimes.said
    assert (runtimes.fix is None) == (wheels.fix is None) == simulated


def test_what_a_step_left_open_is_not_checked_and_says_why() -> None:
    reason = "needs the step 'facts', which failed"
    found = findings(lacks={"facts": reason, "state": reason})
    assert {each.answer.level for name, each in found.items() if name != "clock"} == {"not checked"}
    assert {each.answer.said for name, each in found.items() if name != "clock"} == {reason}
    assert found["clock"].answer.level == "ok"
