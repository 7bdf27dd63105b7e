"""One job at a time on a board, whoever started it: agents of other users and of other folders wait for each other.

The lock is an abstract Unix socket. Any user may bind it, it lies in no folder that others could write to, and the
kernel frees it when its process ends, in whatever way. A connection to it tells whose it is. It is named after the
board's file tree: a simulated board is one of its own. A container usually has its own sockets: jobs outside of it
are not seen. The environment's SIS_EDGE_BOARD makes boards of their own of one machine's users, as tests do; their
records say so.
"""

import contextlib
import errno
import hashlib
import os
import pwd
import socket
import struct
import time
from typing import Callable, Iterator, NamedTuple, Optional

from sis_agent import clock
from sis_agent.board import surroundings
from sis_agent.files import checked_name
from sis_agent.protocol import ProblemError
from sis_agent.schema import BoardLock
from sis_agent.tree import Tree

POLL_S = 0.5
PEER = struct.Struct("3i")  # pid, user, group
OWN = "SIS_EDGE_BOARD"
FEW_S = 120.0
"""How long a command waits that is over in seconds itself."""

Waiting = Callable[["Holder"], None]


class Holder(NamedTuple):
    """Whose job has the board, as far as can be seen."""

    pid: Optional[int] = None
    user: Optional[str] = None
    job_id: Optional[str] = None

    def __str__(self) -> str:
        job = "a job" if self.job_id is None else "job '{}'".format(self.job_id)
        user = "another user" if self.user is None else "user {}".format(self.user)
        return "{} of {}{}".format(job, user, "" if self.pid is None else " (pid {})".format(self.pid))


@contextlib.contextmanager
def exclusive(sysroot: str, waiting: Waiting) -> Iterator[BoardLock]:
    """Have the board to oneself, or know why that is not certain.

    While another job has it, `waiting` is called about twice a second; it pauses for POLL_S, and raises to give up.
    """
    tree = Tree(sysroot)
    with contextlib.ExitStack() as stack:
        try:
            lock = _lock(tree)
            while lock is None:
                waiting(holder(tree))
                lock = _lock(tree)
            stack.enter_context(lock)
            around = surroundings.container(tree)
            had = BoardLock(True, None)
            if around is not None:
                had = BoardLock(False, "the agent runs in a container ({}): jobs outside are not seen".format(around))
            elif os.environ.get(OWN):
                had = BoardLock(False, "{}={} was asked for: other jobs are not seen".format(OWN, os.environ[OWN]))
            elif tree.is_real and _is_apart():
                had = BoardLock(False, "the agent has a network of its own: jobs outside of it are not seen")
        except OSError as error:
            had = BoardLock(False, "this system has no lock that all users share ({})".format(error.strerror))
        yield had


def holder(tree: Tree) -> Holder:
    """Who has the board now; all unknown where nobody has, or where it cannot be seen."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.setblocking(False)  # a holder answers nobody, and others may have filled its queue
        other.connect(_name(tree))
        pid, user, _ = PEER.unpack(other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
        # 0 is a process in a container that is not this one.
        return Holder(pid or None, _user(user), _job_id(pid) if pid else None)
    return Holder()


def few_seconds() -> Waiting:
    """For a short command: wait FEW_S at most, then raise the problem `busy`."""
    end_s = clock.now_s() + FEW_S

    def waiting(other: Holder) -> None:
        if clock.now_s() >= end_s:
            raise busy(other)
        time.sleep(POLL_S)

    return waiting


def busy(other: Holder) -> ProblemError:
    """The problem that another user or another of the agent's folders has the board."""
    return ProblemError("busy", "this board is measuring {}; try again when that has ended".format(other))


def _lock(tree: Tree) -> Optional[socket.socket]:
    """The lock, had; None where another has it."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lock.bind(_name(tree))
        lock.listen(socket.SOMAXCONN)
        return lock
    except OSError as error:
        lock.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None


def _name(tree: Tree) -> bytes:
    place = os.fsencode(os.environ.get(OWN, "") + os.path.realpath(tree.root))
    return b"\0sis-edge board " + hashlib.sha256(place).hexdigest()[:16].encode()


def _is_apart() -> bool:
    """Whether this process has other sockets than the system's first; False where only root could see that."""
    try:
        return os.readlink("/proc/self/ns/net") != os.readlink("/proc/1/ns/net")
    except OSError:
        return False


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _job_id(pid: int) -> Optional[str]:
    """From the agent's command line, which other users may read unless the board hides it."""
    words = (Tree("/").text("proc/{}/cmdline".format(pid)) or "").split("\0")
    if "--job-id" not in words[:-1]:
        return None
    try:
        return checked_name("job id", words[words.index("--job-id") + 1])
    except ProblemError:
        return None
