"""The board at one moment: clocks, heat, throttling, load, memory. Read during the measuring, about once a second.

Everything comes from small files, but for the tools of boards that have nothing else (vcgencmd, nvpmodel); what cannot
be read is None or missing.
"""

import os
import re
import time
from typing import Callable, Dict, List, NamedTuple, Optional

from sis_agent import clock
from sis_agent.board import cpu, facts, power_mode, thermal
from sis_agent.commands import Commands
from sis_agent.schema import StateSample
from sis_agent.tree import Tree, finite

DEVFREQ = "sys/class/devfreq"
GPU_NAMES = re.compile(r"gpu|\.(gp10b|gv11b|ga10b)$")
GPU_LOADS = ("sys/devices/gpu.0/load", "sys/devices/platform/gpu.0/load")

# Cooling devices whose state is a loss of speed; fans and displays are none.
THROTTLES = re.compile(r"throttle|hot-surface|cpufreq|devfreq|powerclamp|balanced|emergency|^Processor$")

# Bits of the Raspberry Pi firmware's `throttled`; bit 16 + n says that bit n was set since the board's start.
PI_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
PI_FILE = "sys/devices/platform/soc/soc:firmware/get_throttled"

CLOCK_BOOTTIME = 7  # its number on Linux
USER_HZ = 100  # what /proc/stat counts in, on every Linux of these boards


class CpuTimes(NamedTuple):
    """Ticks since the start of the board: of one core, or of all together."""

    busy: float
    steal: float
    total: float


class Shares(NamedTuple):
    """Shares of all cores' time, and in `cores` of each core's own, by its number."""

    busy: Optional[float] = None
    own: Optional[float] = None
    steal: Optional[float] = None
    cores: Dict[str, float] = {}


def gpu(tree: Tree) -> Optional[str]:
    """The folder of the GPU's clock; None where no GPU reports it."""
    devices = [name for name in tree.names(DEVFREQ) if GPU_NAMES.search(name)]
    return "{}/{}".format(DEVFREQ, devices[0]) if devices else None


def gpu_load(tree: Tree, folder: Optional[str]) -> Optional[float]:
    """The GPU's load as a share."""
    places = ([folder + "/device/load"] if folder else []) + list(GPU_LOADS)
    loads = (tree.number(place, 1e-3) for place in places)
    return next((load for load in loads if load is not None), None)


def cooling(tree: Tree) -> Dict[str, float]:
    """Each throttling device's state, 0 being none; a type's second device gets its own name behind it."""
    states: Dict[str, float] = {}
    for device in tree.names("sys/class/thermal", "cooling_device"):
        folder = "sys/class/thermal/" + device
        kind = tree.text(folder + "/type") or ""
        state = tree.number(folder + "/cur_state") if THROTTLES.search(kind) else None
        if state is not None:
            states[kind if kind not in states else "{} ({})".format(kind, device)] = max(state, 0.0)  # -1: switched off
    return states


def pi_flags(tree: Tree, commands: Commands) -> Dict[str, float]:
    """The Raspberry Pi firmware's flags, those of now and those "occurred" since its start.

    The firmware is asked by its tool: the kernel's file can be older than what it says now. The driver rpi_volt, which
    clears the firmware's under-voltage flag as it reads it, adds what it has seen.
    """
    match = re.match(r"throttled=(0x[0-9a-fA-F]+)\s*$", commands.run("vcgencmd", ["get_throttled"], 2.0) or "")
    bits = _hexadecimal(match.group(1)) if match else None
    if bits is None:
        bits = _hexadecimal(tree.text(PI_FILE) or "")
    flags: Dict[str, float] = {}
    if bits is not None:
        flags.update((name, float(bits >> bit & 1)) for bit, name in enumerate(PI_BITS))
        flags.update((name + " occurred", float(bits >> bit + 16 & 1)) for bit, name in enumerate(PI_BITS))
    for chip in tree.names("sys/class/hwmon", "hwmon"):
        folder = "sys/class/hwmon/" + chip
        alarm = tree.number(folder + "/in0_lcrit_alarm") if tree.text(folder + "/name") == "rpi_volt" else None
        if alarm is not None:
            flags[PI_BITS[0]] = max(alarm, flags.get(PI_BITS[0], 0.0))
    return flags


def _hexadecimal(text: str) -> Optional[int]:
    try:
        return int(text, 16)
    except ValueError:
        return None


def counters(tree: Tree) -> Dict[str, float]:
    """Events since the board's start: over-current and under-voltage of a Jetson, thermal throttling of a PC."""
    events: Dict[str, float] = {}
    for chip in tree.names("sys/class/hwmon", "hwmon"):
        folder = "sys/class/hwmon/" + chip
        if tree.text(folder + "/name") == "soctherm_oc":
            for name in tree.names(folder, "oc"):
                value = tree.number("{}/{}".format(folder, name)) if name.endswith("_event_cnt") else None
                if value is not None:
                    events["soctherm_oc " + name] = value
    throttled: List[float] = []
    for core in cpu.cores(tree):
        value = tree.number("sys/devices/system/cpu/{}/thermal_throttle/core_throttle_count".format(core))
        if value is not None:
            throttled.append(value)
    if throttled:
        events["core_throttle_count"] = sum(throttled)
    return events


def cpu_times(tree: Tree) -> Dict[str, CpuTimes]:
    """From /proc/stat: all cores together under "", each under its number; empty where it cannot be read.

    A line holds user nice system idle iowait irq softirq steal guest guest_nice.
    """
    times: Dict[str, CpuTimes] = {}
    for line in tree.lines("proc/stat"):
        fields = line.split()
        if len(fields) < 5 or not fields[0].startswith("cpu"):
            continue
        ticks = [finite(field) or 0.0 for field in fields[1:9]]  # guests' time is in user and nice already
        steal = ticks[7] if len(ticks) > 7 else 0.0
        idle = ticks[3] + (ticks[4] if len(ticks) > 4 else 0.0)
        times[fields[0][3:]] = CpuTimes(sum(ticks) - idle - steal, steal, sum(ticks))
    return times if "" in times else {}


def boot_clock_s() -> Optional[float]:
    """Seconds since the board's start, those asleep included; time.CLOCK_BOOTTIME is younger than Python 3.6."""
    try:
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", CLOCK_BOOTTIME))
    except OSError:
        return None


def memory_pressure(tree: Tree) -> Optional[float]:
    """Share of the last 10 s in which some process waited for memory (PSI); None on kernels without it."""
    for line in tree.lines("proc/pressure/memory"):
        match = re.match(r"some avg10=([\d.]+)", line)
        if match:
            share = finite(match.group(1))
            return None if share is None else share / 100
    return None


def process_cpu_s(pid: int) -> float:
    """Processor time of a living process; 0 for one that has ended, whose time is then its parent's `children`."""
    fields = Tree("/").text("proc/{}/stat".format(pid))
    # The name (field 2) may hold blanks and brackets: fields count from behind the last bracket.
    rest = (fields or "").rpartition(")")[2].split()
    ticks = [finite(field) or 0.0 for field in rest[11:13]]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")


class StateReader:
    """Reads the state again and again; shares are since the read before.

    `own_pids` gives the job's living workers, whose processor time counts as the job's own, as this process's does.
    """

    def __init__(self, tree: Tree, commands: Commands, own_pids: Callable[[], List[int]] = list) -> None:
        self._tree = tree
        self._commands = commands
        self._own_pids = own_pids
        self._gpu = gpu(tree)
        self._mode = power_mode.Watch(tree, commands)
        self._before = cpu_times(tree)
        self._own_before_s = self._own_s()

    def read(self, t_s: float) -> StateSample:
        """The state now, stamped with `t_s`: seconds on the job's clock."""
        wall_clock_s, boot_s = time.time(), boot_clock_s()  # first: what follows may take a while, and t_s is of now
        tree = self._tree
        memory = facts.meminfo_bytes(tree)
        shares = self._shares()
        throttle = cooling(tree)
        throttle.update(pi_flags(tree, self._commands))
        total, free = memory.get("SwapTotal"), memory.get("SwapFree")
        return StateSample(
            t_s=round(t_s, 4),
            cpu_frequency_hz=cpu.frequencies_hz(tree),
            gpu_frequency_hz=tree.number(self._gpu + "/cur_freq") if self._gpu else None,
            gpu_load=gpu_load(tree, self._gpu),
            temperatures_c=thermal.temperatures_c(tree),
            throttle=throttle,
            counters=counters(tree),
            load_average_1min=facts.load_average(tree),
            cpu_busy=shares.busy,
            own_cpu=shares.own,
            steal=shares.steal,
            memory_available_bytes=memory.get("MemAvailable"),
            swap_used_bytes=None if total is None or free is None else total - free,
            memory_pressure=memory_pressure(tree),
            power_mode=self._mode.read(clock.now_s()),
            governor=cpu.governor(tree),
            core_busy=shares.cores,
            wall_clock_s=round(wall_clock_s, 4),
            boot_clock_s=boot_s if boot_s is None else round(boot_s, 4),
        )

    def _shares(self) -> Shares:
        """Busy, own and stolen shares of all cores' time since the read before, and each core's busy share."""
        now, own_s = cpu_times(self._tree), self._own_s()
        before, own_before_s = self._before, self._own_before_s
        if not now or not before:
            self._before, self._own_before_s = now, own_s
            return Shares()
        total = now[""].total - before[""].total
        if total <= 0:  # a tick has not passed yet
            return Shares()
        self._before, self._own_before_s = now, own_s
        return Shares(
            busy=round(max(now[""].busy - before[""].busy, 0.0) / total, 4),
            own=round(max(own_s - own_before_s, 0.0) * USER_HZ / total, 4),
            steal=round(max(now[""].steal - before[""].steal, 0.0) / total, 4),
            cores={
                core: round(max(times.busy - before[core].busy, 0.0) / (times.total - before[core].total), 4)
                for core, times in now.items()
                if core and core in before and times.total > before[core].total
            },
        )

    def _own_s(self) -> float:
        """This process, its ended children, and the living workers."""
        times = os.times()
        return sum(times[:4]) + sum(process_cpu_s(pid) for pid in self._own_pids())
