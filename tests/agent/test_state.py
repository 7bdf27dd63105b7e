import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sis_agent.board import power_mode, state
from sis_agent.commands import Commands
from sis_agent.tree import Tree

ORIN = {
    "proc/stat": "cpu  100 0 50 800 20 0 10 20 5 0\ncpu0 1 2 3 4\n",
    "proc/loadavg": "0.52 0.58 0.59 1/257 1234\n",
    "proc/meminfo": "MemTotal: 7802108 kB\nMemAvailable: 5000000 kB\nSwapTotal: 2000 kB\nSwapFree: 1500 kB\n",
    "proc/pressure/memory": "some avg10=12.50 avg60=0 avg300=0 total=1\nfull avg10=1.00 avg60=0 avg300=0 total=1\n",
    "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=15W >\n<POWER_MODEL ID=2 NAME=MAXN_SUPER>\n< PM_CONFIG DEFAULT=0 >\n",
    "var/lib/nvpmodel/status": "pmode:0002 fmode:quiet\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1510400\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil\n",
    "sys/class/devfreq/17000000.gpu/cur_freq": "624750000\n",
    "sys/class/devfreq/17000000.gpu/device/load": "634\n",
    "sys/class/devfreq/15340000.vic/cur_freq": "1\n",
    "sys/class/thermal/thermal_zone0/type": "tj-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "51250\n",
    "sys/class/hwmon/hwmon0/name": "ina3221\n",
    "sys/class/hwmon/hwmon0/oc1_event_cnt": "99\n",
    "sys/class/hwmon/hwmon3/name": "soctherm_oc\n",
    "sys/class/hwmon/hwmon3/oc1_event_cnt": "0\n",
    "sys/class/hwmon/hwmon3/oc3_event_cnt": "7\n",
    "sys/class/hwmon/hwmon3/oc1_throt_en": "1\n",
    **{
        f"sys/class/thermal/cooling_device{at}/{name}": text + "\n"
        for at, device in enumerate(
            [("pwm-fan", "3"), ("cpu-throttle-alert", "1"), ("cpufreq-cpu0", "0"), ("cpufreq-cpu0", "2"), ("x", "1")]
        )
        for name, text in zip(("type", "cur_state"), device, strict=True)
    },
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def tool(root: Path, name: str, script: str) -> None:
    write(root, {f"usr/bin/{name}": f"#!/bin/sh\n{script}\n"})
    (root / "usr/bin" / name).chmod(0o755)


def reader(root: Path) -> state.StateReader:
    return state.StateReader(Tree(str(root)), Commands(str(root)))


def test_a_jetson(tmp_path: Path) -> None:
    write(tmp_path, ORIN)
    read = reader(tmp_path)
    (tmp_path / "proc/stat").write_text("cpu  150 0 50 820 20 0 10 50 5 0\n")
    found = read.read(2.5)
    assert found.t_s == 2.5
    assert (found.cpu_frequency_hz, found.governor) == ([1510400e3], "schedutil")
    assert (found.gpu_frequency_hz, found.gpu_load) == (624750000, 0.634)
    assert found.temperatures_c == {"tj-thermal": 51.25}
    # A fan is no throttle, and neither is what nobody knows.
    assert found.throttle == {"cpu-throttle-alert": 1, "cpufreq-cpu0": 0, "cpufreq-cpu0 (cooling_device3)": 2}
    assert found.counters == {"soctherm_oc oc1_event_cnt": 0, "soctherm_oc oc3_event_cnt": 7}
    # 50 busy, 20 idle and 30 stolen ticks since the first look.
    assert (found.cpu_busy, found.steal) == (0.5, 0.3)
    assert found.own_cpu is not None
    assert (found.memory_available_bytes, found.swap_used_bytes) == (5000000 * 1024, 500 * 1024)
    assert found.memory_pressure == 0.125
    assert (found.load_average_1min, found.power_mode) == (0.52, "MAXN_SUPER")


def test_an_empty_tree_is_all_unknown(tmp_path: Path) -> None:
    found = reader(tmp_path).read(1.0)
    assert found._replace(wall_clock_s=None, boot_clock_s=None) == found.__class__(t_s=1.0)


def test_shares_wait_for_a_tick(tmp_path: Path) -> None:
    write(tmp_path, ORIN)
    read = reader(tmp_path)
    assert read.read(0.0).cpu_busy is None
    (tmp_path / "proc/stat").write_text("cpu  101 0 50 803 20 0 10 20 5 0\n")
    assert read.read(1.0).cpu_busy == 0.25


def test_each_core_by_itself(tmp_path: Path) -> None:
    """A core that was idle, one that was half busy, one that began to count in between and one that stood still."""
    write(tmp_path, {"proc/stat": "cpu 0 0 0 0\ncpu0 10 0 10 100\ncpu1 0 0 0 50 50\ncpu3 7 0 0 1\nintr 1 2 3\n"})
    read = reader(tmp_path)
    (tmp_path / "proc/stat").write_text(
        "cpu 25 0 25 150\ncpu0 10 0 10 200\ncpu1 25 0 20 60 85 0 5 0\ncpu2 9 9 9 9\ncpu3 7 0 0 1\n"
    )
    found = read.read(1.0)
    assert found.cpu_busy == 0.25
    assert found.core_busy == {"0": 0.0, "1": pytest.approx(50 / 95, abs=1e-4)}


def uptime_s() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def test_three_clocks_at_one_moment() -> None:
    """Between what the clocks said before and what they said after, however late a busy machine is."""
    read = state.StateReader(Tree("/"), Commands("/"))
    begin_s, wall_s, boot_s = time.monotonic(), time.time(), uptime_s()
    one, after_one_s = read.read(0.0), time.monotonic()
    time.sleep(0.05)
    before_other_s = time.monotonic()
    other, end_s = read.read(0.05), time.monotonic()
    for passed_s in (other.wall_clock_s - one.wall_clock_s, other.boot_clock_s - one.boot_clock_s):
        assert before_other_s - after_one_s - 0.01 <= passed_s <= end_s - begin_s + 0.01
    for state_read in (one, other):
        assert wall_s - 0.01 <= state_read.wall_clock_s <= time.time() + 0.01
        assert boot_s - 0.01 <= state_read.boot_clock_s <= uptime_s() + 0.02


@pytest.mark.parametrize(
    "gpu", ["57000000.gpu", "17000000.gp10b", "17000000.gv11b", "17000000.ga10b", "17000000.gpu", "gpu-gpc-0"]
)
def test_the_gpus_of_all_jetsons(tmp_path: Path, gpu: str) -> None:
    write(tmp_path, {f"sys/class/devfreq/{name}/cur_freq": "5" for name in ("15340000.vic", "bwmgr", gpu)})
    assert state.gpu(Tree(str(tmp_path))) == f"sys/class/devfreq/{gpu}"


@pytest.mark.parametrize("place", state.GPU_LOADS)
def test_the_gpus_load_of_older_boards(tmp_path: Path, place: str) -> None:
    write(tmp_path, {place: "1000\n"})
    assert state.gpu_load(Tree(str(tmp_path)), None) == 1.0


@pytest.mark.parametrize("by", ["tool", "file"])
def test_a_raspberry_pi(tmp_path: Path, by: str) -> None:
    if by == "tool":
        tool(tmp_path, "vcgencmd", 'test "$1" = get_throttled && echo throttled=0x50005')
    else:
        write(tmp_path, {state.PI_FILE: "50005\n"})
    found = reader(tmp_path).read(0.0).throttle
    now = {"under-voltage": 1, "frequency capped": 0, "throttled": 1, "soft temperature limit": 0}
    assert found == {**now, **{name + " occurred": value for name, value in now.items()}}


NO_FLAGS = dict.fromkeys([name + end for end in ("", " occurred") for name in state.PI_BITS], 0)


def test_the_firmware_is_right_where_the_kernels_file_is_stale(tmp_path: Path) -> None:
    write(tmp_path, {state.PI_FILE: "0\n"})
    tool(tmp_path, "vcgencmd", 'test "$1" = get_throttled && echo throttled=0x80008')
    soft = {"soft temperature limit": 1, "soft temperature limit occurred": 1}
    assert reader(tmp_path).read(0.0).throttle == {**NO_FLAGS, **soft}
    write(tmp_path, {state.PI_FILE: "50005\n"})
    tool(tmp_path, "vcgencmd", "echo throttled=0x0")
    assert reader(tmp_path).read(0.0).throttle == NO_FLAGS
    tool(tmp_path, "vcgencmd", "exit 1")
    assert reader(tmp_path).read(0.0).throttle["under-voltage"] == 1, "the file is what is left"


@pytest.mark.parametrize(("alarm", "flag", "expected"), [("1", "0x0", 1), ("0", "0x1", 1), ("0", "0x0", 0)])
def test_under_voltage_by_the_driver_of_the_supply(tmp_path: Path, alarm: str, flag: str, expected: int) -> None:
    write(tmp_path, {"sys/class/hwmon/hwmon1/name": "rpi_volt\n", "sys/class/hwmon/hwmon1/in0_lcrit_alarm": alarm})
    write(tmp_path, {"sys/class/hwmon/hwmon2/name": "other\n", "sys/class/hwmon/hwmon2/in0_lcrit_alarm": "1"})
    assert reader(tmp_path).read(0.0).throttle == {"under-voltage": int(alarm)}
    tool(tmp_path, "vcgencmd", f"echo throttled={flag}")
    assert reader(tmp_path).read(0.0).throttle == {**NO_FLAGS, "under-voltage": expected}


@pytest.mark.parametrize("script", ["exit 1", "echo throttled=none", "echo error=1", "echo VCHI initialization failed"])
def test_a_tool_that_does_not_answer_is_no_zero(tmp_path: Path, script: str) -> None:
    tool(tmp_path, "vcgencmd", script)
    assert reader(tmp_path).read(0.0).throttle == {}


def test_a_pcs_throttling_is_counted(tmp_path: Path) -> None:
    name = "sys/devices/system/cpu/cpu{}/thermal_throttle/core_throttle_count"
    write(tmp_path, {name.format(0): "3\n", name.format(1): "4\n"})
    assert reader(tmp_path).read(0.0).counters == {"core_throttle_count": 7}


def test_the_power_mode_past_the_tools_complaints(tmp_path: Path) -> None:
    tool(
        tmp_path,
        "nvpmodel",
        "echo 'NVPM ERROR: Error opening /sys/kernel/nvpmodel_clk_cap: 13'\necho 'NV Power Mode: MODE_15W_6CORE'\n"
        "echo 2\necho 'NVPM ERROR: failed to query'\nexit 255",
    )
    assert power_mode.read(Tree(str(tmp_path)), Commands(str(tmp_path))) == "MODE_15W_6CORE"


@pytest.mark.parametrize(("status", "expected"), [("pmode:0000 fmode:x", "15W"), ("pmode:0008", "id 8"), ("", None)])
def test_the_power_mode_by_its_file(tmp_path: Path, status: str, expected: str | None) -> None:
    write(tmp_path, {**ORIN, "var/lib/nvpmodel/status": status})
    assert power_mode.read(Tree(str(tmp_path)), Commands(str(tmp_path))) == expected


def test_the_tool_is_asked_seldom(tmp_path: Path) -> None:
    tool(tmp_path, "nvpmodel", f"echo asked >> {tmp_path}/asked; echo NV Power Mode: 15W")

    def asked() -> int:
        return len((tmp_path / "asked").read_text().splitlines())

    watch = power_mode.Watch(Tree(str(tmp_path)), Commands(str(tmp_path)))
    assert [watch.read(float(second)) for second in range(30)] == ["15W"] * 30
    assert asked() == 1
    watch.read(30.0)
    assert asked() == 2
    write(tmp_path, {power_mode.STATUS: "pmode:0001"})
    watch.read(31.0)
    assert asked() == 3
    watch.read(100.0)  # the file tells of a change; none is there
    assert asked() == 3


BURN = (
    "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint('done', flush=True)\n"
)


def test_own_time_counts_workers_alive_and_ended() -> None:
    """A child that has burnt 0.3 s counts while it lives, and no more and no less after its end."""
    alive: list[int] = []
    read = state.StateReader(Tree("/"), Commands("/"), lambda: alive)
    before_s = read._own_s()
    with subprocess.Popen(
        [sys.executable, "-c", BURN + "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        alive.append(child.pid)
        assert child.stdout is not None
        assert child.stdout.readline() == b"done\n"
        assert read._own_s() - before_s >= 0.25
        child.communicate(b"\n")
    alive.clear()
    assert read._own_s() - before_s >= 0.25


def test_another_process_is_not_own() -> None:
    read = state.StateReader(Tree("/"), Commands("/"))
    # A grandchild whose parent has ended is no child of this process; its end closes the pipe that `run` waits for.
    # (A shell that still lives would wait for it and so hand its time on to this process.)
    subprocess.run(["sh", "-c", '"$0" -c "$1" &', sys.executable, BURN], check=True, stdout=subprocess.PIPE)
    found = read.read(0.0)
    assert found.cpu_busy is not None
    assert found.own_cpu is not None
    cores = os.cpu_count() or 1
    assert (found.cpu_busy - found.own_cpu) * cores > 0.1
