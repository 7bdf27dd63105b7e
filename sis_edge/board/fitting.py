"""Which profile a board fits, asked of the board itself."""

from typing import TYPE_CHECKING

from sis_edge import profiles
from sis_edge.board.agent_client import AgentClient
from sis_edge.profiles.detect import Detection, detect

if TYPE_CHECKING:
    from sis_edge.transport import Transport


def fitting(transport: "Transport") -> Detection:
    """The profile that the board fits by its facts; the agent is installed there. Raises BoardError and AgentError."""
    agent = AgentClient(transport, profiles.AgentSettings())
    agent.install()
    return detect(agent.facts(), [profiles.load(name) for name in profiles.names()])
