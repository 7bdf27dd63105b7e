"""Power sensors, each kind in a file of its own with `open_source(tree, commands)`.

A source gives rails by the names that the board has for them. What their total is, is no matter of names: the
device profile says it (schema.PowerRequest), and without its rule no total is claimed.
"""

from typing import Dict, List, Optional, Tuple

from sis_agent.commands import Commands
from sis_agent.power import hwmon, ina238, ina3221, pi_pmic, rapl, replay, tegrastats
from sis_agent.power.base import Source, UnavailableError
from sis_agent.schema import Power, PowerRequest, PowerTrace
from sis_agent.tree import Tree

# Best first, for a request that names none.
SOURCES = {module.KIND: module.open_source for module in (replay, ina3221, ina238, hwmon, rapl, pi_pmic, tegrastats)}

# A read of these runs a program, which disturbs what is measured.
RUN_A_TOOL = (pi_pmic.KIND, tegrastats.KIND)

AVAILABLE = "available"


def find(tree: Tree, commands: Commands) -> Dict[str, str]:
    """For each kind "available", or the sentence that says why it is not."""
    found = {}
    for kind in SOURCES:
        try:
            SOURCES[kind](tree, commands).close()
            found[kind] = AVAILABLE
        except UnavailableError as error:
            found[kind] = str(error)
    return found


def open_sources(request: PowerRequest, tree: Tree, commands: Commands) -> Tuple[List[Source], Optional[str]]:
    """The sources to read, the one to use first; or none, and the reason.

    Every kind that reads files is opened; one that runs a tool only where no kind before it in the request's list
    works. The first source that has all of the total's rails comes first.
    """
    sources: List[Source] = []
    reasons = []
    for kind in request.sources or list(SOURCES):
        if kind not in SOURCES:
            reasons.append("{}: no such kind (known: {})".format(kind, ", ".join(SOURCES)))
            continue
        try:
            if sources and kind in RUN_A_TOOL:
                continue
            sources.append(SOURCES[kind](tree, commands))
        except UnavailableError as error:
            reasons.append("{}: {}".format(kind, error))
    sources.sort(key=lambda source: not set(request.total_rails) <= set(source.rails))
    return sources, None if sources else "no power sensor can be read here; " + "; ".join(reasons)


def to_record(request: PowerRequest, traces: List[PowerTrace], reason: Optional[str]) -> Power:
    """What the record says of power; `reason` is that of `open_sources`. A rule that does not fit is dropped."""
    if not traces:
        return Power("unavailable", reason or "the sensor gave no sample")
    missing = [rail for rail in request.total_rails if rail not in traces[0].rails]
    if missing:
        reason = "no total is claimed: the profile's rule needs the rail {}, {} has {}".format(
            missing[0], traces[0].source, ", ".join(traces[0].rails)
        )
    elif not request.total_rails:
        reason = "no total is claimed: the profile has no rule for it"
    rails = [] if missing else list(request.total_rails)
    return Power("measured", reason, traces, rails, request.scope)
