"""One board at work: the agent is met, wheels and the bundle pushed; `started.py` has what is done with a job.

Every step can be repeated: files that are whole on the board stay, so a broken connection costs only the time of the
outage.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from sis_agent.schema import RECORD_VERSION, Facts, Record
from sis_edge.board.agent_client import FINITE, AgentClient, AgentSilentError
from sis_edge.board.claim import Turn
from sis_edge.board.events import Event, OnEvent
from sis_edge.board.patience import Patience
from sis_edge.board.provision import provision
from sis_edge.board.push import push
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import AgentError, SisEdgeError
from sis_edge.profiles import DeviceProfile
from sis_edge.text.foreign import loads, one_line
from sis_edge.transport import Transport, UnreachableError

# A job that has been started is not given up for one question that nobody answered.
PASSING: tuple[type[SisEdgeError], ...] = (UnreachableError, AgentSilentError)

LONGEST_PHASE = 80

T = TypeVar("T")


class UnreadableRecordError(AgentError):
    """A record that came and cannot be used; `data` is what came, to be kept."""

    def __init__(self, message: str, data: bytes) -> None:
        super().__init__(message)
        self.data = data


class BoardSession:
    """One board at work, step by step; every step survives a lost connection."""

    def __init__(self, transport: Transport, profile: DeviceProfile, on_event: OnEvent, patience: Patience) -> None:
        self.transport = transport
        self.agent = AgentClient(transport, profile.agent, timeout_s=patience.answer_s)
        self.profile = profile
        self.say = on_event
        self.patience = patience

    def install(self) -> None:
        """Install the agent, and have as much patience as the board's speed needs; the first contact is tried once."""
        self.agent.install()
        self.patience = self.patience.for_board(self.agent.answer_s)
        self.agent.timeout_s = self.patience.answer_s

    def meet(self) -> Facts:
        """Install the agent and ask it for the board's facts."""
        name = self.transport.name
        self.say(Event("agent", f"looking for the agent on {name}"))
        self.install()
        facts = self.persist(self.agent.facts)
        self.say(Event("facts", f"{name}: {facts.model or facts.machine or 'unknown board'}, Python {facts.python}"))
        if facts.kill_user_processes:
            self.say(
                Event(
                    "facts",
                    f"{name} ends a user's programs when he logs out (logind's KillUserProcesses): a lost connection "
                    "ends the job, unless `loginctl enable-linger` was run there for this user",
                )
            )
        return facts

    def provision(self, facts: Facts, cache: Path) -> bool:
        """Bring the profile's wheels; returns whether the board has something new."""

        def say(message: str) -> None:
            self.say(Event("provision", message))

        return self.persist(lambda: provision(self.transport, self.agent, self.profile, facts, cache, say))

    def push(self, bundle: Bundle, facts: Facts) -> None:
        """Bring the bundle to the board; what is whole there already is not sent again."""
        push(self.agent, bundle, facts, self.persist, self.say, Turn(self, bundle.id))

    def persist(
        self,
        call: Callable[[], T],
        passing: tuple[type[SisEdgeError], ...] = (UnreachableError,),
        *,
        moved: Callable[[], object] = lambda: None,
    ) -> T:
        """The call's answer; after an error that may pass, try again with growing pauses as long as patience lasts.

        Patience starts anew when `moved` has another answer than before: a call that gets further is no lost one.
        """
        patience = self.patience
        pause_s, give_up_s, before = patience.first_pause_s, None, moved()
        while True:
            try:
                return call()
            except passing as error:
                now_s = patience.clock()
                if before != (before := moved()):
                    pause_s, give_up_s = patience.first_pause_s, None
                give_up_s = now_s + patience.lost_s if give_up_s is None else give_up_s
                if now_s + pause_s > give_up_s:
                    raise
                self.say(Event("link", f"{error}; trying again in {pause_s:g} s"))
                patience.sleep(pause_s)
                pause_s = min(2 * pause_s, patience.longest_pause_s)


def read_record(data: bytes, what: str) -> Record:
    """A record from its JSON; raises UnreadableRecordError that names the first wrong field."""
    try:
        parsed = loads(data)
        version = parsed.get("record_version")
        if version != RECORD_VERSION:
            raise UnreadableRecordError(
                f"the record of {what} has version {one_line(str(version), 40)}, this sis-edge reads {RECORD_VERSION}",
                data,
            )
        return TypeAdapter(Record, config=FINITE).validate_python(parsed)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UnreadableRecordError(f"the record of {what} is unreadable ({place}: {first['msg']})", data) from error
    except (ValueError, AttributeError) as error:
        raise UnreadableRecordError(f"the record of {what} is unreadable ({error})", data) from error


def step(line: dict[str, Any]) -> Event:
    """A line of the agent's progress; of what is not a number nothing is counted."""
    done, total = (
        number if isinstance(number, int | float) and number >= 0 else None
        for number in (line.get("done"), line.get("of"))
    )
    return Event("measure", one_line(str(line.get("phase", "")), LONGEST_PHASE), done, total, line)
