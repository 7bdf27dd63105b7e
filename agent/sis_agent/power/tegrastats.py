"""tegrastats, NVIDIA's own tool on every Jetson: a line every 100 ms. For boards whose chips cannot be read directly.

A line has power as `NAME now/average` or, from JetPack 7.2 on, `NAME now/average/highest`, in milliwatts with
or without the unit, perhaps negative. Memory looks alike but ends in a unit of memory.
"""

import os
import re
import select
import signal
import subprocess
from typing import Dict, List, Optional

from sis_agent import clock
from sis_agent.commands import Commands
from sis_agent.power.base import Source, UnavailableError
from sis_agent.tree import Tree, finite

RUNS_A_TOOL = True  # and so disturbs what is measured
INTERVAL_S = 0.1
FIRST_LINE_S = 5.0
POWER_S = 1.5  # from the first line to one with power
# A tool that is silent for this many intervals has stopped.
STALE_INTERVALS = 10

_RAIL = re.compile(r"(?<!\S)([A-Za-z]\w*) (-?\d+)(?:mW)?(?:/-?\d+(?:mW)?){1,2}(?!\S)")
_DISCONNECTED = "NC"


def parse(line: str) -> Dict[str, float]:
    """Each rail's power now, in watts; empty for a line without power."""
    found = ((name, finite(now)) for name, now in _RAIL.findall(line) if name != _DISCONNECTED)
    return {name: now / 1e3 for name, now in found if now is not None}


class Tegrastats(Source):
    """The tool's newest line."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        super().__init__([], [], INTERVAL_S)
        self._process = process
        self._pipe = process.stdout
        self._rest = b""
        self._line = ""
        self._line_s = clock.now_s()
        self._ended = False

    def wait_for_rails(self, first_line_s: float, power_s: float) -> Optional[str]:
        """Learn the rails from the first lines; returns what is wrong.

        The first line may be without power, and one rail may come a line after another, so the line after the first
        with power is waited for too.
        """
        power_w: Dict[str, float] = {}
        lines: List[str] = []
        lines_since_power = 0
        end_s = clock.now_s() + first_line_s
        while lines_since_power < 2 and not self._ended:
            if not select.select([self._pipe], [], [], max(end_s - clock.now_s(), 0))[0]:
                break
            for line in self._take():
                end_s = end_s if lines else clock.now_s() + power_s
                lines.append(line)
                power_w.update(parse(line))
                lines_since_power += bool(power_w)
        self.rails = list(power_w)
        self.skipped_rails = [_DISCONNECTED] if any(re.search(r"(?<!\S)NC -?\d", line) for line in lines) else []
        return None if power_w else self._lack(lines)

    def _lack(self, lines: List[str]) -> str:
        last = (lines or [self._rest.decode("utf-8", "replace")])[-1].strip()[:200]
        if self._ended:
            what = "tegrastats ended at once" + (", saying: " + last if last else "")
        elif lines:
            what = "tegrastats prints no power on this board"
        else:
            what = "tegrastats printed nothing in {:g} s".format(FIRST_LINE_S)
        if os.geteuid() == 0:
            return what
        return what + "; it runs without root here, and some releases show power to root alone: log in as root"

    def read(self) -> Dict[str, Optional[float]]:
        """The rails of the newest line; None for all once the tool has stopped."""
        while not self._ended and select.select([self._pipe], [], [], 0)[0]:
            self._take()
        if clock.now_s() - self._line_s > STALE_INTERVALS * INTERVAL_S:
            return dict.fromkeys(self.rails)
        power_w = parse(self._line)
        return {rail: power_w.get(rail) for rail in self.rails}

    def close(self) -> None:
        """End the tool, and note what it took."""
        if self._process.returncode is None:
            # Not Popen.kill, which reaps a tool that has ended by itself: wait4 then finds no child.
            os.kill(self._process.pid, signal.SIGKILL)
            _, _, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = -9
            self.cpu_s = usage.ru_utime + usage.ru_stime
        self._pipe.close()

    def _take(self) -> List[str]:
        """The whole lines among what the pipe holds now."""
        piece = os.read(self._pipe.fileno(), 65536)
        self._ended = not piece
        *whole, self._rest = (self._rest + piece).split(b"\n")
        lines = [line.decode("utf-8", "replace") for line in whole]
        if lines:
            self._line = lines[-1]
            self._line_s = clock.now_s()
        return lines


def open_source(tree: Tree, commands: Commands) -> Source:
    """The tool, running; raises UnavailableError."""
    process = commands.start("tegrastats", ["--interval", "{:.0f}".format(INTERVAL_S * 1e3)], errors=True)
    if process is None:
        raise UnavailableError("no tegrastats on this board")
    source = Tegrastats(process)
    fault = source.wait_for_rails(FIRST_LINE_S, POWER_S)
    if fault is not None:
        source.close()
        raise UnavailableError(fault)
    return source
