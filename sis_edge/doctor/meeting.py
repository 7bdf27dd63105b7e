"""Meeting a board step by step; where a step fails the rest is known to be not checked, and why."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sis_agent.schema import Examination, Facts
from sis_edge import profiles
from sis_edge.board.agent_client import OLDEST_PYTHON, AgentClient
from sis_edge.doctor.check import Answer, Finding, error, ok, refused
from sis_edge.errors import SisEdgeError
from sis_edge.profiles import AgentSettings, DeviceProfile
from sis_edge.profiles.detect import Detection, detect, differences
from sis_edge.text.foreign import loads, one_line
from sis_edge.transport import LocalTransport, Transport

# Also runs under Python 2.7, so that an old interpreter can be told from a missing one.
PROBE = "import json, sys, time; print(json.dumps([list(sys.version_info[:3]), sys.executable, time.time()]))"
PROBE_LIMIT_S = 60.0
LONGEST = 200

Wall = Callable[[], float]


@dataclass
class MetBoard:
    """What is known of a board so far. `lacks` has for each thing that is missing the reason.

    `words` are the options that reach it. `clock_ahead_s` is how far its clock is ahead of this machine's, known to
    `clock_error_s`.
    """

    transport: Transport
    chosen: DeviceProfile | None = None
    words: tuple[str, ...] = ()
    executable: str | None = None
    version: tuple[int, ...] = ()
    clock_ahead_s: float = 0.0
    clock_error_s: float = 0.0
    facts: Facts = field(default_factory=Facts)
    detection: Detection | None = None
    examination: Examination | None = None
    lacks: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> AgentSettings:
        """How the agent is started there."""
        return self.chosen.agent if self.chosen else AgentSettings()

    @property
    def profile(self) -> DeviceProfile:
        """The profile that was named, else the one that the board fits, else that of any computer."""
        if self.chosen is not None:
            return self.chosen
        return self.detection.profile if self.detection else profiles.load("local")

    @property
    def seen(self) -> Examination:
        """Its state; only for checks that need `state`."""
        assert self.examination is not None
        return self.examination


def meet(board: MetBoard, wall: Wall = time.time) -> Iterator[Finding]:
    """Take every step; after one that fails, those that need it are left out, and `lacks` says why."""
    agent = AgentClient(board.transport, board.settings)
    steps: tuple[tuple[str, str, Callable[[], Answer]], ...] = (
        ("connection", "connection", lambda: _connect(board)),
        ("Python", "python", lambda: _python(board, wall)),
        ("agent", "agent", lambda: _install(agent)),
        ("facts", "facts", lambda: _facts(board, agent)),
        ("state", "state", lambda: _state(board, agent)),
    )
    failed = ""
    for title, name, step in steps:
        if failed:
            board.lacks[name] = failed
            continue
        try:
            answer = step()
        except SisEdgeError as found:
            answer = refused(found)
        if answer.level == "error":
            failed = board.lacks[name] = f"needs the step '{title}', which failed"
        yield Finding("board", title, answer)


def _connect(board: MetBoard) -> Answer:
    board.transport.run(["true"], timeout_s=PROBE_LIMIT_S)
    if isinstance(board.transport, LocalTransport):
        return ok("this machine, without SSH")
    return ok(f"{board.transport.name}: its host key is known, and the login works")


def _python(board: MetBoard, wall: Wall) -> Answer:
    name = board.settings.python
    begin_s = wall()
    done = board.transport.run([name, "-c", PROBE], timeout_s=PROBE_LIMIT_S)
    end_s = wall()
    another = "or name another as `python` in the profile's [agent]"
    if done.exit_code == 127:
        return error(f"no `{name}` on the board", f"sudo apt install python3 on the board, {another}")
    try:
        version, executable, board_s = loads(done.stdout.rstrip().rpartition("\n")[2])
        board.version = tuple(map(int, version))
        board.executable, middle_s = str(executable), (begin_s + end_s) / 2
        board.clock_ahead_s, board.clock_error_s = float(board_s) - middle_s, (end_s - begin_s) / 2
    except (ValueError, TypeError):
        said = one_line((done.stderr or done.stdout).strip().rpartition("\n")[2], LONGEST) or "it says nothing"
        return error(f"`{name}` does not work ({said})", f"repair it, {another}")
    shown = ".".join(map(str, board.version))
    if board.version[:2] < OLDEST_PYTHON:
        return error(f"`{name}` is Python {shown}, the agent needs 3.6", f"sudo apt install python3, {another}")
    return ok(f"Python {shown} ({board.executable})")


def _install(agent: AgentClient) -> Answer:
    agent.install()
    return ok(f"{agent.root}: only this user may write there, and the agent is in place")


def _facts(board: MetBoard, agent: AgentClient) -> Answer:
    board.facts = agent.facts()
    if board.chosen is None:
        board.detection = detect(board.facts, [profiles.load(name) for name in profiles.names()])
    what = board.facts.model or board.facts.cpu_model or "a board of unknown model"
    return ok(f"{what}, {board.facts.machine or 'architecture unknown'}, {board.facts.os_name or 'system unknown'}")


def _state(board: MetBoard, agent: AgentClient) -> Answer:
    board.examination = agent.examine()
    return ok("watched for a second")


def unlike(board: MetBoard) -> tuple[str, ...]:
    """Where the board is not what its profile says."""
    return board.detection.differences if board.detection else tuple(differences(board.facts, board.profile))
