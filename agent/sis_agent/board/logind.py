"""What logind does with the processes of a user whose last session ends: KillUserProcesses, off or on by system."""

import re
from typing import List, Optional

from sis_agent.commands import Commands
from sis_agent.tree import Tree

# Lowest precedence first; a name in a later folder replaces the same name in an earlier one.
FOLDERS = ("usr/lib/systemd", "run/systemd", "etc/systemd")


def kills_user_processes(tree: Tree, commands: Commands) -> Optional[bool]:
    """What logind does when a user's last session ends; None where there is no logind or it does not report it.

    logind itself is asked, since its built-in default differs between systems; for a recorded board its files are read.
    """
    reported = commands.run("loginctl", ["show-session", "--property=KillUserProcesses"], 2.0)
    value = (reported or "").strip().partition("=")[2] or configured(tree)
    return {"yes": True, "no": False}.get(value or "")


def configured(tree: Tree) -> Optional[str]:
    """KillUserProcesses by the configuration, "yes" or "no"; None where it leaves the built-in default."""
    value = None
    for place in _files(tree):
        for line in tree.lines(place):
            match = re.match(r"\s*KillUserProcesses\s*=\s*(\w+)\s*$", line)
            if match:
                word = match.group(1).lower()
                value = "yes" if word in ("yes", "true", "on", "1") else "no"
    return value


def _files(tree: Tree) -> List[str]:
    main = [place + "/logind.conf" for place in FOLDERS if tree.text(place + "/logind.conf") is not None][-1:]
    drops = {}
    for place in FOLDERS:
        for name in tree.names(place + "/logind.conf.d"):
            if name.endswith(".conf"):
                drops[name] = "{}/logind.conf.d/{}".format(place, name)
    return main + [drops[name] for name in sorted(drops)]
