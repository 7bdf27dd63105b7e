"""What stands inside the timed call of each runtime and form, as its runner declared it to the record."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from sis_agent.schema import NetworkRecord, TimedCall, TimedPart
from sis_edge.results.rows.figure import Figure
from sis_edge.results.schema import StoredRun

NOT_DECLARED = "not recorded: the agent of that version, or that runtime's runner, does not declare it"
NOT_MEASURED = "its cost was not measured"
OTHER_RUNNERS = "other_runners"
"""Under this key the agent reports on the runtimes that are not the job's."""

PARTS = ("input_copy", "output_copy", "preprocessing", "postprocessing", "synchronisation", "call_overhead")
"""The fields of `TimedCall` that are parts of an inference, in its order."""


@dataclass(frozen=True)
class TimedCallFigures:
    """The timed call of the networks that one runtime ran in these forms.

    `parts` says by name where each part is, `costs_s` what it takes, which is known of those that were measured apart:
    copies to and from a device (medians of CUDA events), and the call itself (median of the null network).
    """

    runtime: str
    forms: tuple[str, ...]
    call: Figure[str]
    clock: Figure[str]
    parts: dict[str, Figure[TimedPart]]
    costs_s: dict[str, Figure[float]]


def timed_calls(run: StoredRun) -> list[TimedCallFigures]:
    """One for each runtime and kind of call that it timed, in the record's order; networks that failed have none."""
    groups: dict[tuple[str, TimedCall | None], list[NetworkRecord]] = {}
    for network in run.record.networks:
        if network.rounds or network.timed_call is not None:
            groups.setdefault((run.runtime(network), network.timed_call), []).append(network)
    harness_s = run.record.runner_details.get("harness_latencies_s") or []
    return [_figures(runtime, call, networks, harness_s) for (runtime, call), networks in groups.items()]


def _figures(
    runtime: str, call: TimedCall | None, networks: list[NetworkRecord], harness_s: list[float]
) -> TimedCallFigures:
    copies = [found for network in networks if isinstance(found := network.details.get("copies"), dict)]
    costs = dict.fromkeys(PARTS, Figure[float].unknown(NOT_MEASURED))
    costs["input_copy"], costs["output_copy"] = _copy_s(copies, "to_device_s"), _copy_s(copies, "to_host_s")
    costs["call_overhead"] = Figure.of(median(harness_s) if harness_s else None, NOT_MEASURED)
    return TimedCallFigures(
        runtime=runtime,
        forms=tuple(dict.fromkeys(network.form for network in networks)),
        call=Figure.of(call.call if call else None, NOT_DECLARED),
        clock=Figure.of(call.clock if call else None, NOT_DECLARED),
        parts={name: Figure.of(getattr(call, name) if call else None, NOT_DECLARED) for name in PARTS},
        costs_s=costs,
    )


def _copy_s(copies: list[dict[str, Any]], direction: str) -> Figure[float]:
    """The median time of copies of all these networks."""
    times_s = [time_s for found in copies for time_s in found.get(direction) or []]
    return Figure.of(median(times_s) if times_s else None, NOT_MEASURED)
