"""The agent's command line as functions: every question goes through a transport, every answer is checked.

The agent is one file, pushed once per content hash to `agents/` in its root folder on the board.
"""

import hashlib
import json
import logging
import shlex
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from sis_agent.schema import PROTOCOL_VERSION, RUNNING, STATES, Examination, Facts
from sis_edge.board import agent_archive, reach
from sis_edge.board.patience import LONGEST_ANSWER_S
from sis_edge.errors import AgentError, BoardError, SisEdgeError
from sis_edge.profiles import AgentSettings
from sis_edge.text.foreign import loads, one_line
from sis_edge.transport import Completed, Transport
from sis_edge.transport.base import CommandTimeoutError, Heard, ignore

T = TypeVar("T")

FINITE = ConfigDict(allow_inf_nan=False)
"""How a board's answer is read: a text like "nan" is no number, where one is asked for."""

log = logging.getLogger(__name__)

OLDEST_PYTHON = (3, 6)
FACTS_TIMES = 3
"""Times of a short answer that facts may take: runtimes are imported for them."""

MOST_LOGGED_LINES = 200
LONGEST_STATE = 40
LONGEST_MESSAGE = 2000
"""Characters of what a board says for itself."""

# Problems that the user mends on the board; any other code is between sis-edge and its agent.
BOARD_PROBLEMS = frozenset(
    {
        "bad-cores",
        "bad-library",
        "bad-wheel",
        "busy",
        "cannot-go-on",
        "disk-full",
        "job-lost",
        "no-job",
        "no-permission",
        "no-proc",
        "no-runtime",
        "no-wheels",
    }
)

# Also runs under Python 2.7, so that an old interpreter can be told from a missing one. Whoever else may write to the
# agent's folder could replace the agent between its check and its start, so that is looked at before the hash. A folder
# that only this user's own group may write to, as a umask of 002 makes it, is closed.
_PROBE = """
import hashlib, json, os, stat, sys
root = os.path.realpath(os.path.dirname(os.path.dirname(os.path.abspath(sys.argv[1]))))
path = os.path.join(root, "agents", os.path.basename(sys.argv[1]))
found, own, unsafe = os.path.dirname(root), (os.getuid(), 0), None
while found != os.path.dirname(found):
    if os.path.isdir(found) and os.stat(found).st_mode & 0o1002 == 0o002:
        unsafe = [found, stat.S_IMODE(os.stat(found).st_mode)]
    found = os.path.dirname(found)
for found in (root, os.path.dirname(path), path):
    if os.path.lexists(found):
        state = os.lstat(found)
        shared = state.st_mode & 0o020 and state.st_gid != os.getgid()
        if stat.S_ISLNK(state.st_mode) or state.st_uid not in own or state.st_mode & 0o002 or shared:
            unsafe = unsafe or [found, stat.S_IMODE(state.st_mode)]
        elif state.st_mode & 0o077 and state.st_uid == os.getuid():
            os.chmod(found, stat.S_IMODE(state.st_mode) & 0o700)
is_file = unsafe is None and os.path.isfile(path)
sha256 = hashlib.sha256(open(path, "rb").read()).hexdigest() if is_file else None
print(json.dumps([sys.version_info[:3], sha256, unsafe]))
"""


class AgentSilentError(AgentError):
    """The agent did not answer in time, or was ended before it did: a busy board, or one short of memory. The same
    question may be answered later."""


class BoardFile(NamedTuple):
    """One file as the board has it."""

    sha256: str
    size_bytes: int


class Started(NamedTuple):
    """A job that was started: it runs, or waits behind another one; `ahead` jobs come first. `pid` is its process."""

    job_id: str
    pid: int | None
    state: str = RUNNING
    behind: str | None = None
    ahead: int = 0
    warning: str | None = None


class Lacking(NamedTuple):
    """A file that the board lacks. Of what has arrived of it, `checksums` holds the CRC-32 of each chunk."""

    path: str
    arrived_bytes: int
    checksums: list[int]


class Adoption(NamedTuple):
    """What is missing, how many files were taken from what the board has elsewhere, and whether to push now."""

    lacking: list[Lacking]
    adopted: int
    held: bool


class DamagedPiece(NamedTuple):
    """A piece that arrived with another checksum than it was sent with."""

    path: str
    offset: int


class Received(NamedTuple):
    """What became of a push: the files that are in their places, and pieces that are to be sent again."""

    whole: list[str]
    damaged: list[DamagedPiece]


class JobStatus(NamedTuple):
    """Where a job stands; `progress` holds the lines from the asked one on, `next` is the one to ask for next.

    A queued job that has a process (`pid`) waits `behind` another one, and `ahead` jobs come first.
    """

    job_id: str
    state: str
    pid: int | None
    problem: dict[str, Any] | None
    progress: list[dict[str, Any]]
    next: int
    record_sha256: str | None
    behind: str | None = None
    ahead: int = 0


class AgentClient:
    """The agent on one board.

    Every question raises TransportError for a lost connection, AgentError for an agent that does not answer in
    time or answers something unreadable, and BoardError for what the board lacks. `timeout_s` is the time for a short
    answer; after one that did not come the next may take twice as long.
    """

    def __init__(self, transport: Transport, settings: AgentSettings, *, timeout_s: float = 60.0) -> None:
        self.transport = transport
        self.root = settings.root.removeprefix("~/").rstrip("/")
        self._python = settings.python
        self._sysroot = settings.sysroot
        self.timeout_s = timeout_s
        self.answer_s = 0.0  # of the first answer
        self.query_s = 0.0  # processor time of the agent's last answer, without its children's
        self._hash12 = ""
        self._path = ""

    def install(self) -> None:
        """Find the board's Python, and push the agent unless this very one is there already."""
        with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
            archive = agent_archive.build(Path(folder))
            self._hash12 = archive.hash12
            self._path = f"{self.root}/agents/{archive.path.name}"
            if self._probe() != hashlib.sha256(archive.path.read_bytes()).hexdigest():
                self.transport.put(archive.path, self._path)

    def facts(self) -> Facts:
        """What the agent sees of the board."""
        return _checked(Facts, self._ask("facts", timeout_s=FACTS_TIMES * self.timeout_s), self.transport.name)

    def examine(self) -> Examination:
        """The board's state now, watched for a second."""
        return _checked(Examination, self._ask("examine", timeout_s=2 * self.timeout_s), self.transport.name)

    def files(self, folder: str) -> dict[str, BoardFile]:
        """Every whole file below a folder of the agent's root, by its path relative to that folder."""
        answer = self._ask("files", folder, timeout_s=10 * self.timeout_s)
        return _checked(dict[str, BoardFile], answer.get("files"), self.transport.name)

    def push(
        self,
        folder: str,
        files: Sequence[dict[str, Any]],
        send: Callable[[Adoption], Iterable[bytes]],
        token: str | None = None,
    ) -> tuple[Adoption, Received]:
        """Bring what a folder of the agent's root lacks of these files; `send` makes the bytes once that is known.

        `token` asks for the right to push a bundle, without which nothing is sent.
        """
        heard = bytearray()
        found: list[Adoption] = []

        def pieces() -> Iterator[bytes]:
            yield json.dumps(files).encode() + b"\n"
            while b"\n" not in heard:
                yield b""
            line = _last_json(heard.partition(b"\n")[0].decode(errors="replace"))
            if isinstance(line, dict) and "interim" in line:
                found.append(_checked(Adoption, line["interim"], self.transport.name))
                yield from send(found[0])

        words = [] if token is None else ["--token", token]
        answer = self._ask("push", folder, *words, timeout_s=10 * self.timeout_s, pieces=pieces(), heard=heard.extend)
        if found:
            return found[0], _checked(Received, answer, self.transport.name)
        return _checked(Adoption, answer, self.transport.name), Received([], [])

    def ask(self, kind: type[T], *words: str, timeout_s: float | None = None) -> T:
        """Run a command of the agent; its answer, checked to be of that kind."""
        return _checked(kind, self._ask(*words, timeout_s=timeout_s), self.transport.name)

    def start(self, job_id: str, *, queue: bool = False) -> Started:
        """Start the job whose job.json is in place, or let it wait for a busy board; it needs no connection."""
        return self.ask(Started, "run", "--job-id", job_id, *(["--queue"] if queue else []))

    def status(self, job_id: str, since: int = 0) -> JobStatus:
        """Where a job stands, with its progress from line `since` on."""
        status = _checked(JobStatus, self._ask("status", job_id, "--since", str(since)), self.transport.name)
        if status.job_id != job_id:
            raise AgentError(f"the agent on {self.transport.name} was asked for job {job_id} and answers for another")
        if status.state not in STATES:  # which would be waited for without end
            state = one_line(status.state, LONGEST_STATE)
            raise AgentError(f"the agent on {self.transport.name} reports that job {job_id} is '{state}'")
        return status

    def cancel(self, job_id: str) -> str:
        """End a job and wait for its end; returns its state."""
        return str(self._ask("cancel", job_id).get("state"))

    def provision(self, *wheels: str) -> dict[str, str]:
        """Unpack these wheels, which lie in `wheels/`; returns what is unpacked now: file name -> SHA-256."""
        answer = self._ask("provision", *wheels, timeout_s=10 * self.timeout_s)
        return _checked(dict[str, str], answer.get("wheels"), self.transport.name)

    def calibrate(self, folder: str, threads: int) -> dict[str, Any]:
        """Time the probes that lie in a folder of the agent's root, with so many threads."""
        return self._ask("calibrate", folder, "--threads", str(threads), timeout_s=10 * self.timeout_s)

    def infer(self, name: str, timeout_s: float) -> list[list[float]]:
        """Logits of the images in `inference/NAME`, a list for each image."""
        answer = self._ask("infer", name, timeout_s=timeout_s)
        return _checked(list[list[float]], answer.get("logits"), self.transport.name)

    def _probe(self) -> str | None:
        """The SHA-256 of the agent that is on the board, None without one; raises BoardError for its Python."""
        name = self.transport.name
        begin_s = time.monotonic()
        completed = self._run([self._python, "-c", _PROBE, self._path], self.timeout_s)
        self.answer_s = time.monotonic() - begin_s
        if completed.exit_code == 127:
            raise BoardError(f"{name} has no `{self._python}`; install Python 3.6 or newer, or name it in the profile")
        found = _last_json(completed.stdout)
        version, sha256, unsafe = found if isinstance(found, list) and len(found) == 3 else (None, None, None)
        if not isinstance(version, list) or not all(isinstance(part, int) for part in version):
            said = _last_line(completed.stderr) or _last_line(completed.stdout) or f"exit code {completed.exit_code}"
            raise BoardError(
                f"`{self._python}` on {name} does not work ({said}); repair it, or name another Python in the profile"
            )
        if tuple(version[:2]) < OLDEST_PYTHON:
            is_version = ".".join(map(str, version))
            raise BoardError(
                f"`{self._python}` on {name} is Python {is_version}, the agent needs 3.6 or newer; "
                "install one and name it in the profile"
            )
        if unsafe is not None:
            raise _unsafe(unsafe, name)
        return str(sha256) if sha256 else None

    def _ask(
        self,
        *words: str,
        timeout_s: float | None = None,
        pieces: Iterable[bytes] | None = None,
        heard: Heard = ignore,
    ) -> dict[str, Any]:
        name = self.transport.name
        sysroot = [] if self._sysroot == "/" else ["--sysroot", self._sysroot]
        command = [self._python, self._path, "--root", self.root, *sysroot, *words]
        begin_s = time.monotonic()
        completed = self._run(command, timeout_s or self.timeout_s, pieces, heard)
        if words[0] != "status" or completed.stderr.strip():  # asked every second
            log.debug("agent on %s: `%s` took %.1f s", name, words[0], time.monotonic() - begin_s)
            for line in completed.stderr.splitlines()[-MOST_LOGGED_LINES:]:
                log.debug("agent on %s says: %s", name, one_line(line, LONGEST_MESSAGE))
        reply = _last_json(completed.stdout)
        if not isinstance(reply, dict) or "protocol" not in reply:
            said = _last_line(completed.stderr) or _last_line(completed.stdout) or "nothing"
            # Ended by a signal, as by a system short of memory; a shell says 128 and more.
            is_killed = completed.exit_code < 0 or completed.exit_code >= 128
            raise (AgentSilentError if is_killed else AgentError)(
                f"the agent on {name} gave no answer to `{words[0]}` "
                f"(exit code {completed.exit_code}, it said: {said}); "
                f"remove {self.root}/agents on the board and try again"
            )
        if reply["protocol"] != PROTOCOL_VERSION or reply.get("agent") != self._hash12:
            raise AgentError(
                f"the agent on {name} is {reply.get('agent')} with protocol {reply['protocol']}, "
                f"this sis-edge needs {self._hash12} with protocol {PROTOCOL_VERSION}; "
                f"remove {self.root}/agents on the board and try again"
            )
        cost_s = reply.get("cpu_s")
        self.query_s = float(cost_s) if isinstance(cost_s, int | float) and cost_s > 0 else 0.0
        if reply.get("ok") is True and isinstance(reply.get("answer"), dict):
            return dict(reply["answer"])
        raise problem_error(reply.get("problem"), name)

    def _run(
        self, command: Sequence[str], timeout_s: float, pieces: Iterable[bytes] | None = None, heard: Heard = ignore
    ) -> Completed:
        try:
            if pieces is None:
                return self.transport.run(command, timeout_s=timeout_s)
            return self.transport.feed(command, pieces, timeout_s=timeout_s, heard=heard)
        except CommandTimeoutError as error:
            self.timeout_s = max(self.timeout_s, min(2 * self.timeout_s, LONGEST_ANSWER_S))
            raise AgentSilentError(
                f"the agent on {self.transport.name} did not answer within {timeout_s:g} s; is the board overloaded?"
            ) from error


def _unsafe(found: Any, name: str) -> BoardError:
    """The error for a folder that others may write to, that is another user's, or a link below the root."""
    path, mode = found if isinstance(found, list) and len(found) == 2 else ("the agent's folder", 0)
    shown = f"mode {mode:04o}" if isinstance(mode, int) else "mode unknown"
    return BoardError(
        f"{path} on {name} is a link, another user's, or open to other users' writing ({shown}): they could replace "
        "the agent, which runs as you; `chmod go-w` it, or name another folder as `root` in the profile's [agent]"
    )


def problem_error(problem: Any, name: str) -> SisEdgeError:
    """The error for a problem that the agent tells of."""
    if not isinstance(problem, dict) or not problem.get("message"):
        return AgentError(f"the agent on {name} failed and did not say why; its log is in the job's folder")
    code, message = str(problem.get("code")), one_line(str(problem["message"]), LONGEST_MESSAGE)
    kind = BoardError if code in BOARD_PROBLEMS else AgentError
    if code == "busy":  # the agent does not know how it is reached
        message = message.replace("sis-edge deploy ", f"{shlex.join(['sis-edge', 'deploy', *reach.words(name)])} ")
    return kind(f"{name}: {message}")


def _checked(kind: type[T], value: Any, name: str) -> T:
    try:
        return TypeAdapter(kind, config=FINITE).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "answer"
        raise AgentError(f"the agent on {name} answers something unreadable ({place}: {first['msg']})") from error


def _last_line(text: str) -> str:
    """What a program said last, for a message."""
    lines = [line.strip() for line in text[-2 * LONGEST_MESSAGE :].splitlines() if line.strip()]
    return one_line(lines[-1], LONGEST_MESSAGE) if lines else ""


def _last_json(text: str) -> Any:
    """The JSON in the last line; None where there is none, or none that is bounded."""
    try:
        return loads(text.rstrip().rpartition("\n")[2])
    except ValueError:
        return None
