"""Which profile a board fits, asked of the board itself."""

from typing import TYPE_CHECKING

from sis_edge import profiles
from sis_edge.board.agent_client import AgentClient
from sis_edge.profiles.detect import Detection, detect

if TYPE_CHECKING:
    from sis_edge.transport import Transport


def fitting(transport: "Transport", settings: profiles.AgentSettings | None = None) -> Detection:
    """The profile that the board fits by its facts; the agent is installed there, with the usual settings if none are
    given. Raises BoardError and AgentError."""
    agent = AgentClient(transport, settings or profiles.AgentSettings())
    agent.install()
    return detect(agent.facts(), [profiles.load(name) for name in profiles.names()])
