"""The tables of a comparison as Markdown, and all of it as one document."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from peer_comparison import comparison
from peer_comparison.contenders import REFERENCE_NETWORK, Result
from peer_comparison.load import MOST_BUSY
from peer_comparison.rounds import Measured
from sis_edge.results.statistics import SpeedUp

FACTOR = 10
"""What an interval may be wide to a side: beyond it the rounds say nothing (too few of them, on a busy machine)."""

CLOCKS = {"wall": "wall time", "cpu": "CPU time of the process"}


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def condition(measured: Measured, clock: str) -> str:
    """How and on how quiet a machine it was measured."""
    plan, rounds = measured.plan, max((len(result.turns) for result in measured.results), default=0)
    busy = f"other programs kept {measured.others_busy:.2f} cores busy"
    mark = f"**BUSY: {busy}** (limit {MOST_BUSY})" if not measured.others_busy <= MOST_BUSY else busy
    return (
        f"{plan.threads} thread{'s' if plan.threads > 1 else ''} on core {', '.join(map(str, plan.cores))}, "
        f"batch {plan.batch}, {rounds} rounds in random order, {CLOCKS[clock]}; {mark}"
    )


def speeds(measured: Measured, clock: str) -> str:
    """Runtimes by networks: speed-up over dense NiN fp32 in ONNX Runtime, its interval, and ms.

    The best other of each network and precision is bold; a time that does not count is struck through.
    """
    results = measured.results
    networks = list(dict.fromkeys(result.contender.network for result in results))
    dense = comparison.reference(results)
    bold = {id(standing.other) for standing in comparison.standings(results, clock)}
    cells: dict[str, dict[str, str]] = {}
    for result in results:
        row = cells.setdefault(result.contender.row, {})
        row[result.contender.network] = _cell(result, dense, clock, id(result) in bold)
    rows = [[row, *(by_network.get(network, "-") for network in networks)] for row, by_network in cells.items()]
    return markdown(["runtime", *networks], rows)


def _cell(result: Result, dense: Result | None, clock: str, bold: bool) -> str:
    found, typical_s = comparison.ratio(dense, result, clock), comparison.typical_s(result, clock)
    if found is None or typical_s is None:
        return "failed"
    text = f"{shown(found)} ({typical_s * 1e3:.3f} ms)"
    return f"~~{text}~~" if result.why_not else f"**{text}**" if bold else text


def shown(found: SpeedUp | None) -> str:
    """An estimate with its interval, where it has one of less than a factor of ten to a side."""
    if found is None:
        return "-"
    interval = found.interval
    if interval is None or interval.high > FACTOR * found.estimate or interval.low < found.estimate / FACTOR:
        return f"{found.estimate:.2f} [not known]"
    return f"{found.estimate:.2f} [{interval.low:.2f} to {interval.high:.2f}]"


def best(measured: Measured, clock: str, ceilings: Mapping[str, float]) -> str:
    """For each network and precision: the best other by name, ours, and the target where this run is the target's.

    `ceilings` are the multiply-accumulates of dense NiN over those left, by network.
    """
    dense = comparison.reference(measured.results)
    is_targets = measured.plan.threads == measured.plan.batch == 1
    rows = []
    for standing in comparison.standings(measured.results, clock):
        other, ours = standing.other, standing.ours
        own = comparison.ratio(dense, ours, clock) if ours else None
        target = comparison.TARGETS.get((standing.network, standing.precision)) if is_targets else None
        rows.append(
            [
                standing.network,
                standing.precision,
                other.contender.row if other else "none",
                shown(comparison.ratio(dense, other, clock)) if other else "-",
                ours.contender.row if ours else "none",
                shown(own),
                shown(standing.ratio),
                _met(own, target),
                f"{ceilings[standing.network]:.2f}",
                _of_ceiling(measured, standing, clock, ceilings[standing.network]),
            ]
        )
    over = "over dense NiN fp32"
    head = ["network", "precision", "best other", over, "best of ours", over, "ours / best other", "target", "MACs"]
    head.append("over ours nin, of MACs")
    return markdown(head, rows)


def _of_ceiling(measured: Measured, standing: comparison.Standing, clock: str, ceiling: float) -> str:
    """Our speed-up over dense NiN by our own kernels in the same precision, as a share of the fewer MACs."""
    nin = comparison.best(measured.results, REFERENCE_NETWORK, standing.precision, clock, ours=True)
    if standing.ours is None or nin is None or standing.network == REFERENCE_NETWORK:
        return "-"
    own = comparison.ratio(nin, standing.ours, clock)
    return f"{own.estimate / ceiling:.2f}" if own else "-"


def _met(own: SpeedUp | None, target: float | None) -> str:
    if target is None:
        return "-"
    if own is None:
        return f">= {target:g}: nothing measured"
    return f">= {target:g}: " + ("met" if own.estimate >= target else f"missed by {1 - own.estimate / target:.0%}")


def outputs(measured: Measured, clock: str) -> str:
    """How the outputs of each contender agree with ONNX Runtime's in fp32, and accuracy.

    Then its shortest run, which other programs bend least, and the share of its time in which they had its core.
    """
    rows = []
    networks = list(dict.fromkeys(result.contender.network for result in measured.results))
    for result in sorted(measured.results, key=lambda each: networks.index(each.contender.network)):
        found, waited = result.check, result.waited_share
        rows.append(
            [
                result.contender.network,
                result.contender.row,
                f"{found.difference:.2g}" if found else "-",
                f"{found.agreement:.3f}" if found else "-",
                f"{found.accuracy:.3f}" if found else "-",
                f"{_shortest_s(result, clock) * 1e3:.3f}" if result.turns else "-",
                f"{waited:.1%}" if waited is not None else "-",
                result.why_not or "",
            ]
        )
    head = ["network", "runtime", "difference", "same class", "accuracy", "shortest ms", "waited", "does not count"]
    return markdown(head, rows)


def _shortest_s(result: Result, clock: str) -> float:
    return min(min(samples) for samples in result.rounds(clock).values())


def sustained(measured: Measured, clock: str) -> str:
    """By minute: inferences per second and speed-up of ours and of the best other in each precision."""
    results = measured.results
    dense = comparison.reference(results)
    chosen = [dense] if dense else []
    for standing in comparison.standings(results, clock):
        chosen += [each for each in (standing.other, standing.ours) if each is not None and each is not dense]
    tables = [(result, comparison.by_minute(result, dense, measured.plan.batch, clock)) for result in chosen]
    count = max((minutes[-1].minute + 1 for _, minutes in tables if minutes), default=0)
    rows = []
    for result, minutes in tables:
        cells = {
            each.minute: f"{each.rate_hz:.0f}/s" + (f" ({each.speed_up:.2f})" if each.speed_up is not None else "")
            for each in minutes
        }
        words = [cells.get(minute, "-") for minute in range(count)]
        rows.append([result.contender.network, result.contender.row, *words])
    return markdown(["network", "runtime", *(f"minute {minute + 1}" for minute in range(count))], rows)


def document(measured: Measured, clock: str) -> dict[str, Any]:
    """A run with its raw samples: seconds by round, by both clocks."""
    dense = comparison.reference(measured.results)
    entries = []
    for result in measured.results:
        contender = result.contender
        ratios = {each: _ratio(comparison.ratio(dense, result, each)) for each in CLOCKS}
        entries.append(
            {"network": contender.network, "row": contender.row, "runtime": contender.runtime}
            | {"precision": contender.precision, "ours": contender.ours, "does_not_count": result.why_not}
            | {"outputs": asdict(result.check) if result.check else None, "waited_share": result.waited_share}
            | {"speed_up": ratios, "turns": [asdict(turn) for turn in result.turns]}
        )
    standings = [
        {"network": each.network, "precision": each.precision, "ours_over_best_other": _ratio(each.ratio)}
        | {"best_other": each.other.contender.row if each.other else None}
        | {"best_of_ours": each.ours.contender.row if each.ours else None}
        for each in comparison.standings(measured.results, clock)
    ]
    return {
        "plan": asdict(measured.plan),
        "clock": clock,
        "versions": measured.versions,
        "others_busy_cores": measured.others_busy,
        "contenders": entries,
        "standings": standings,
    }


def _ratio(found: SpeedUp | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    low, high = (found.interval.low, found.interval.high) if found.interval else (None, None)
    return {"estimate": found.estimate, "low": low, "high": high}
