"""Writing what only root may write: as root, or by sudo where it asks for no password. Nothing else is tried."""

import os
import subprocess
from typing import List, Optional

from sis_agent.commands import Commands
from sis_agent.tree import Tree

TOOL_LIMIT_S = 30.0


class Privileged:
    """Sets files and runs tools of one board as root; each answers None, or the sentence that says why it failed."""

    def __init__(self, tree: Tree, commands: Commands, prefix: List[str]) -> None:
        self._tree = tree
        self._commands = commands
        self._prefix = prefix

    @classmethod
    def of(cls, tree: Tree, commands: Commands) -> Optional["Privileged"]:
        """For a board; None where this user has no way. A simulated board's files are the user's own."""
        if not tree.is_real or os.geteuid() == 0:
            return cls(tree, commands, [])
        sudo = commands.find("sudo")
        if sudo is not None and _run([sudo, "-n", "true"], None) is None:
            return cls(tree, commands, [sudo, "-n"])
        return None

    def write(self, path: str, value: str) -> Optional[str]:
        """Set a file of the tree."""
        target = self._tree.path(path)
        if self._prefix:
            return _run([*self._prefix, "tee", target], value)
        try:
            with open(target, "w", encoding="ascii") as file:
                file.write(value)
        except OSError as error:
            return "{} cannot be set to {} ({})".format(target, value, error.strerror)
        return None

    def run(self, name: str, arguments: List[str]) -> Optional[str]:
        """Run a tool of the board. A question that it asks (nvpmodel: may I reboot?) is answered with no."""
        path = self._commands.find(name)
        if path is None:
            return "{} is not on this board".format(name)
        return _run([*self._prefix, path, *arguments], "NO\n")


def _run(words: List[str], text: Optional[str]) -> Optional[str]:
    try:
        done = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=dict(os.environ, LC_ALL="C"),
        )
    except OSError as error:
        return "{} does not start ({})".format(words[0], error.strerror)
    try:
        out, _ = done.communicate((text or "").encode(), timeout=TOOL_LIMIT_S)
    except subprocess.TimeoutExpired:
        done.kill()
        done.communicate()
        return "`{}` was not done after {:g} s".format(" ".join(words), TOOL_LIMIT_S)
    if done.returncode == 0:
        return None
    last_line = (out.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
    return "`{}` failed with exit code {}{}".format(
        " ".join(words), done.returncode, ": " + last_line if last_line else ""
    )
