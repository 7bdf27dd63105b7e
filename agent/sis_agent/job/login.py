"""A job that outlives the login that started it, where logind ends a user's processes (see `board/logind.py`).

Where it does, a job is started in a scope of the user's own service manager, which outlives their sessions if they may
linger. Lingering is the user's to switch on (`loginctl enable-linger`): it changes the board outside of the agent's
folder.
"""

import json
import os
import pwd
import re
import subprocess
from typing import Any, Dict, List, Optional

from sis_agent import child
from sis_agent.board.logind import kills_user_processes
from sis_agent.commands import Commands
from sis_agent.tree import Tree

LINGER = "var/lib/systemd/linger"

SCOPE_LIMIT_S = 60.0
WARNING = (
    "logind ends this job when this login ends (KillUserProcesses=yes): stay connected, or run "
    "`loginctl enable-linger` on the board"
)


def ends_with_session(tree: Tree, commands: Commands) -> bool:
    """Whether a process of this very login is ended with it.

    Only processes in a session's scope are; an SSH server without PAM opens none. root is spared by default.
    """
    if os.getuid() == 0 or not re.search(r"/session-[^/]+\.scope", tree.text("proc/self/cgroup") or ""):
        return False
    return kills_user_processes(tree, commands) is True


def lingers(tree: Tree) -> bool:
    """Whether this user's own services may outlive their sessions."""
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
    agent = child.calling("sis_agent.cli", "run_command_line(sys.argv[1:])")
    scope = [tool, "--user", "--scope", "--quiet", "--collect", "--", *agent]
    done = subprocess.Popen([*scope, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/")
    try:
        out, _ = done.communicate(timeout=SCOPE_LIMIT_S)
        line = json.loads(out.decode("utf-8", "replace").splitlines()[-1])
        return line if isinstance(line, dict) else None
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        done.kill()
        done.communicate()
        return None
