"""tegrastats, NVIDIA's own tool on every Jetson: a line every 100 ms. For boards whose chips cannot be read directly.

A line has power as `NAME now/average` or, from JetPack 7.2 on, `NAME now/average/highest`, in milliwatts with
or without the unit, perhaps negative. Memory looks alike but ends in a unit of memory.
"""

import os
import re
import select
import signal
import subprocess
from typing import Dict, Optional

from sis_agent import clock
from sis_agent.commands import Commands
from sis_agent.power.base import Source, UnavailableError
from sis_agent.tree import Tree

RUNS_A_TOOL = True  # and so disturbs what is measured
INTERVAL_S = 0.1
FIRST_LINE_S = 5.0
# A tool that is silent for this many intervals has stopped.
STALE_INTERVALS = 10

_RAIL = re.compile(r"(?<!\S)([A-Za-z]\w*) (-?\d+)(?:mW)?(?:/-?\d+(?:mW)?){1,2}(?!\S)")
_DISCONNECTED = "NC"


def parse(line: str) -> Dict[str, float]:
    """Each rail's power now, in watts; empty for a line without power."""
    return {name: int(now) / 1e3 for name, now in _RAIL.findall(line) if name != _DISCONNECTED}


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

    def wait_for_rails(self, limit_s: float) -> Optional[str]:
        """Wait for the first line and learn the rails from it; returns what is wrong."""
        end_s = clock.now_s() + limit_s
        while not self._line:
            if not select.select([self._pipe], [], [], max(end_s - clock.now_s(), 0))[0]:
                return "tegrastats printed nothing in {:g} s".format(limit_s)
            if not self._take():
                return "tegrastats ended at once"
        self.rails = list(parse(self._line))
        self.skipped_rails = [_DISCONNECTED] if re.search(r"(?<!\S)NC -?\d", self._line) else []
        return None if self.rails else "tegrastats prints no power on this board"

    def read(self) -> Dict[str, Optional[float]]:
        """The rails of the newest line; None for all once the tool has stopped."""
        while select.select([self._pipe], [], [], 0)[0] and self._take():
            pass
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

    def _take(self) -> bool:
        """Take what the pipe holds now; False at its end."""
        piece = os.read(self._pipe.fileno(), 65536)
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        if lines:
            self._line = lines[-1].decode("utf-8", "replace")
            self._line_s = clock.now_s()
        return bool(piece)


def open_source(tree: Tree, commands: Commands) -> Source:
    """The tool, running; raises UnavailableError."""
    process = commands.start("tegrastats", ["--interval", "{:.0f}".format(INTERVAL_S * 1e3)])
    if process is None:
        raise UnavailableError("no tegrastats on this board")
    source = Tegrastats(process)
    fault = source.wait_for_rails(FIRST_LINE_S)
    if fault is not None:
        source.close()
        raise UnavailableError(fault)
    return source
