"""Whether logging out ends a detached job: logind's KillUserProcesses, which some systems switch on.

Where it does, a job is started in a scope of the user's own service manager, which outlives his sessions if he may
linger. Lingering is the user's to switch on (`loginctl enable-linger`): it changes the board outside of the agent's
folder.
"""

import json
import os
import pwd
import re
import subprocess
import sys
from typing import Any, Dict, List, Optional

from sis_agent.commands import Commands
from sis_agent.tree import Tree

# Lowest precedence first; a name in a later folder replaces the same name in an earlier one.
FOLDERS = ("usr/lib/systemd", "run/systemd", "etc/systemd")
LINGER = "var/lib/systemd/linger"

SCOPE_LIMIT_S = 60.0
WARNING = (
    "logind ends this job when this login ends (KillUserProcesses=yes): stay connected, or run "
    "`loginctl enable-linger` on the board"
)


def kills_user_processes(tree: Tree, commands: Commands) -> Optional[bool]:
    """What logind does when a user's last session ends; None where there is no logind or it does not tell.

    logind itself is asked, since its built-in default differs between systems; for a recorded board its files are read.
    """
    told = commands.run("loginctl", ["show-session", "--property=KillUserProcesses"], 2.0)
    value = (told or "").strip().partition("=")[2] or configured(tree)
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


def ends_with_session(tree: Tree, commands: Commands) -> bool:
    """Whether a process of this very login is ended with it.

    Only processes in a session's scope are; an SSH server without PAM opens none. root is spared by default.
    """
    if os.getuid() == 0 or not re.search(r"/session-[^/]+\.scope", tree.text("proc/self/cgroup") or ""):
        return False
    return kills_user_processes(tree, commands) is True


def lingers(tree: Tree) -> bool:
    """Whether this user's own services may outlive his sessions."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name in tree.names(LINGER)
    except KeyError:  # a user without a name
        return False


def run_in_scope(words: List[str], commands: Commands) -> Optional[Dict[str, Any]]:
    """Run a command line of this agent in a scope of the user's service manager; the line that it says.

    None where that cannot be done; nothing has been started then.
    """
    tool = commands.find("systemd-run")
    if tool is None:
        return None
    container = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    code = "import sys; sys.path.insert(0, {!r}); from sis_agent.cli import run_command_line; "
    code = code.format(container) + "sys.exit(run_command_line(sys.argv[1:]))"
    scope = [tool, "--user", "--scope", "--quiet", "--collect", "--", sys.executable, "-c", code]
    done = subprocess.Popen([*scope, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/")
    try:
        out, _ = done.communicate(timeout=SCOPE_LIMIT_S)
        found = json.loads(out.decode("utf-8", "replace").splitlines()[-1])
        return found if isinstance(found, dict) else None
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        done.kill()
        done.communicate()
        return None


def _files(tree: Tree) -> List[str]:
    main = [place + "/logind.conf" for place in FOLDERS if tree.text(place + "/logind.conf") is not None][-1:]
    drops = {}
    for place in FOLDERS:
        for name in tree.names(place + "/logind.conf.d"):
            if name.endswith(".conf"):
                drops[name] = "{}/logind.conf.d/{}".format(place, name)
    return main + [drops[name] for name in sorted(drops)]
