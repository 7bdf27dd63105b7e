"""Power sensors, each kind in a file of its own with `open_source(tree, commands)`.

A source gives rails by the names that the board has for them. What their total is, no name says: the device profile
does (schema.PowerRequest), and without its rule no total is claimed.
"""

import time
from typing import Dict, List, Optional, Tuple

from sis_agent import builtin, plugins
from sis_agent.commands import Commands
from sis_agent.lookup import BrokenPluginError, Modules
from sis_agent.power import plausible
from sis_agent.power.base import Source, UnavailableError
from sis_agent.schema import Power, PowerRequest, PowerTrace
from sis_agent.tree import Tree

SOURCES = Modules(builtin.POWER, plugins.POWER, answers=UnavailableError)

AVAILABLE = "available"
# A job looks for its sensors this often in all, with pauses, before it goes on without.
LOOKS, LOOK_PAUSE_S = 3, 0.4


def find(tree: Tree, commands: Commands) -> Dict[str, str]:
    """For each kind "available", or the sentence that says why it is not."""
    states = {}
    for kind in SOURCES:
        try:
            with SOURCES.using(kind) as module:
                module.open_source(tree, commands).close()
            states[kind] = AVAILABLE
        except (UnavailableError, BrokenPluginError) as error:
            states[kind] = str(error)
    return states


def open_sources(request: PowerRequest, tree: Tree, commands: Commands) -> Tuple[List[Source], Optional[str]]:
    """The sources to read, the one to use first; or none, and the reason.

    Every kind that reads files is opened; one that runs a tool (`RUNS_A_TOOL` in its module), which disturbs what is
    measured, only where no kind before it in the request's list works. The first source that has all of the total's
    rails comes first. Where none of the kinds that the request names is there, those that read files are looked for
    again: a driver that was just loaded shows its chip a moment later.
    """
    sources, reasons = _opened(request, tree, commands, with_tools=True)
    for _ in range(LOOKS - 1 if request.sources else 0):
        if sources:
            break
        time.sleep(LOOK_PAUSE_S)
        sources, _ignored = _opened(request, tree, commands, with_tools=False)
    sources.sort(key=lambda source: not set(request.total_rails) <= set(source.rails))
    return sources, None if sources else "no power sensor can be read here; " + "; ".join(reasons)


def _opened(request: PowerRequest, tree: Tree, commands: Commands, with_tools: bool) -> Tuple[List[Source], List[str]]:
    """What can be opened now, and why the others cannot."""
    sources: List[Source] = []
    reasons = []
    for kind in request.sources or SOURCES:
        if kind not in SOURCES:
            reasons.append("unknown power sensor '{}' (known: {})".format(kind, SOURCES.listed()))
            continue
        try:
            with SOURCES.using(kind) as module:
                if not getattr(module, "RUNS_A_TOOL", False) or (with_tools and not sources):
                    source = module.open_source(tree, commands)
                    if not isinstance(source, Source):
                        raise TypeError("open_source() gives {!r}, and must give a Source".format(source))
                    source.kind = kind
                    sources.append(source)
        except (UnavailableError, BrokenPluginError) as error:
            reasons.append("{}: {}".format(kind, error))
    return sources, reasons


def to_record(
    request: PowerRequest, traces: List[PowerTrace], reason: Optional[str], faults: Optional[Dict[str, str]] = None
) -> Power:
    """What the record says of power; `reason` is that of `open_sources`, `faults` those of the first source's rails.

    A rule that does not fit is dropped. A total that cannot be the board's power is unavailable; the samples are kept.
    """
    if not traces:
        return Power("unavailable", reason or "the sensor gave no sample")
    first = traces[0]
    if request.gain_error is not None:
        first = first._replace(gain_error=request.gain_error)
        traces = [first, *traces[1:]]
    missing = [rail for rail in request.total_rails if rail not in first.rails]
    if missing:
        reason = "no total is claimed: the profile's rule needs the rail {}, {} has {}".format(
            missing[0], first.source, ", ".join(first.rails)
        )
    elif not request.total_rails:
        reason = "no total is claimed: the profile has no rule for it"
    rails = [] if missing else list(request.total_rails)
    given_up = [
        "{} of {}: {}".format(rail, first.source, (faults or {})[rail]) for rail in rails if rail in (faults or {})
    ]
    fault = given_up[0] if given_up else plausible.fault(first, rails, request.floor_w, request.max_w)
    if fault is not None:
        return Power("unavailable", fault, traces, rails, request.scope)
    return Power("measured", reason, traces, rails, request.scope)
