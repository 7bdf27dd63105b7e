"""A Jetson's power mode (nvpmodel): which clocks and cores the board allows itself."""

import re
from typing import Dict, Optional

from sis_agent.commands import Commands
from sis_agent.tree import Tree

STATUS = "var/lib/nvpmodel/status"
CONF = "etc/nvpmodel.conf"
# The tool is a program to start; without a status file that shows a change, it is asked again this seldom.
ASK_EVERY_S = 30.0


def names(tree: Tree) -> Dict[int, str]:
    """The modes by their ids, which differ between boards and between releases."""
    modes = {}
    for line in tree.lines(CONF):
        match = re.match(r"\s*<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>", line)
        if match:
            modes[int(match.group(1))] = match.group(2)
    return modes


def parse(text: str) -> Optional[str]:
    """The mode's name from `nvpmodel -q`, which may complain ("NVPM ERROR: ...") of missing privilege around it."""
    for line in text.splitlines():
        match = re.match(r"\s*NV Power Mode:\s*(\S.*?)\s*$", line)
        if match:
            return match.group(1)
    return None


def read(tree: Tree, commands: Commands) -> Optional[str]:
    """The mode's name: by the tool, else by its status file; None on boards without such modes."""
    if commands.find("nvpmodel") is not None:
        # It ends with an error code where it complained, and has printed the mode all the same.
        finished = commands.finish("nvpmodel", ["-q"], 5.0)
        mode = parse(finished.output) if finished is not None else None
        if mode is not None:
            return mode
    match = re.search(r"pmode:(\d+)", tree.text(STATUS) or "")
    if match is None:
        return None
    number = int(match.group(1))
    return names(tree).get(number, "id {}".format(number))


class Watch:
    """The mode again and again, without starting the tool each time."""

    def __init__(self, tree: Tree, commands: Commands) -> None:
        self._tree = tree
        self._commands = commands
        self._status: Optional[str] = None
        self._mode: Optional[str] = None
        self._asked_s: Optional[float] = None

    def read(self, now_s: float) -> Optional[str]:
        """The mode; the tool is asked where the status file has changed, or after a while where there is none."""
        status = self._tree.text(STATUS)
        stale = self._asked_s is None or status != self._status
        if stale or (status is None and now_s - (self._asked_s or 0.0) >= ASK_EVERY_S):
            self._mode = read(self._tree, self._commands)
            self._status, self._asked_s = status, now_s
        return self._mode
