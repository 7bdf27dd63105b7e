"""What the agent reports of the board's state at one moment, for `sis-edge doctor`."""

from typing import Dict, List, NamedTuple, Optional

from sis_agent.schema.samples import StateSample


class Busy(NamedTuple):
    """A program at work: how many cores' time it took, whose it is, and its process id."""

    name: str
    user: str
    pid: int
    cores: float


class Examination(NamedTuple):
    """The board while nobody measures, as far as it can be seen.

    `state` is over the time that the agent watched. `busiest` are the programs that took most of it, the agent left
    out, and `agents` those of other users that are sis-edge's. `measuring` is the job that runs. `sets_clocks`: this
    user may lock clocks; `owes_clocks`: an earlier job's are not put back yet. `lingers`: this user's programs may
    outlive their login. `wheels` are those that sis-edge brought. `blocked`: ONNX Runtime computes convolutions in
    blocks of channels (NCHWc) here, None with a reason where that is unknown.
    """

    state: StateSample
    busiest: List[Busy] = []
    agents: List[Busy] = []
    measuring: Optional[str] = None
    sets_clocks: bool = False
    owes_clocks: bool = False
    lingers: bool = False
    wheels: Dict[str, str] = {}
    blocked: Optional[bool] = None
    blocked_reason: Optional[str] = None
