"""The board's own tools (tegrastats, vcgencmd, nvpmodel ...): found in one place, run with a time limit.

A simulated board brings stand-ins below its root; nothing of this machine is run for it.
"""

import os
import select
import shutil
import signal
import subprocess
from typing import List, NamedTuple, Optional, Sequence

from sis_agent import clock

# Where boards keep such tools in addition to PATH, which a non-interactive SSH session often has shortened.
USUAL_PLACES = ("usr/bin", "usr/sbin", "bin", "sbin", "usr/local/bin", "opt/vc/bin")


class Finished(NamedTuple):
    """What a tool did: exit code, standard output, and the processor time that it took."""

    code: int
    output: str
    cpu_s: float


class Commands:
    """The tools of the board whose file tree is at `root`."""

    def __init__(self, root: str = "/") -> None:
        self._root = os.path.abspath(root)
        self.cpu_s = 0.0  # processor time of the tools that have ended

    def find(self, name: str) -> Optional[str]:
        """The tool's path, None where the board has none."""
        places = [os.path.join(self._root, place) for place in USUAL_PLACES]
        if self._root == "/":
            places.insert(0, os.environ.get("PATH", os.defpath))
        return shutil.which(name, path=os.pathsep.join(places))

    def run(self, name: str, args: Sequence[str] = (), timeout_s: float = 5.0) -> Optional[str]:
        """A tool's standard output; None where it is missing, fails, or is not done in time (it is then ended)."""
        finished = self.finish(name, args, timeout_s)
        return finished.output if finished is not None and finished.code == 0 else None

    def finish(self, name: str, args: Sequence[str] = (), timeout_s: float = 5.0) -> Optional[Finished]:
        """As `run`, with the exit code and the cost; None where the tool is missing or was ended for its slowness."""
        process = self.start(name, args)
        if process is None:
            return None
        assert process.stdout is not None
        pieces: List[bytes] = []
        end_s = clock.now_s() + timeout_s
        in_time = True
        try:
            while True:
                if not select.select([process.stdout], [], [], max(end_s - clock.now_s(), 0))[0]:
                    in_time = False
                    break
                piece = os.read(process.stdout.fileno(), 65536)
                if not piece:
                    break
                pieces.append(piece)
        finally:
            process.stdout.close()
            if not in_time:
                os.kill(process.pid, signal.SIGKILL)  # Popen.kill may reap it before wait4 does
            # wait4 says what this very child took; the sums for all children would count the workers too.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = -(status & 0x7F) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        self.cpu_s += usage.ru_utime + usage.ru_stime
        if not in_time:
            return None
        output = b"".join(pieces).decode("utf-8", "replace")
        return Finished(process.returncode, output, usage.ru_utime + usage.ru_stime)

    def start(self, name: str, args: Sequence[str] = (), errors: bool = False) -> Optional["subprocess.Popen[bytes]"]:
        """A tool that goes on, its standard output on a pipe, with `errors` its standard error too.

        None where it is missing or does not start.
        """
        path = self.find(name)
        if path is None:
            return None
        try:
            return subprocess.Popen(
                [path, *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
                cwd="/",
                # C: a tool that translates its words or its decimal point could not be read.
                env=dict(os.environ, LC_ALL="C"),
            )
        except OSError:
            return None
