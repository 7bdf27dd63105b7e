"""Rules on sustained work and on rests. That a board throttles there is what was to be seen, and no fault of a run."""

from collections.abc import Iterator

from sis_agent.schema import BoardRest, Record
from sis_edge.results.evidence import Evidence
from sis_edge.results.rules.base import Reason
from sis_edge.results.sustained import SustainedFigures, of_run
from sis_edge.results.sustained.words import duration
from sis_edge.text.limits import with_limit


def incomplete(evidence: Evidence) -> Iterator[Reason]:
    """A network's sustained run did not come to its end."""
    lacking = [each for each in of_run(evidence.record) if each.reason is not None]
    if lacking:
        first, more = lacking[0], len(lacking) - 1
        others = f" (and {more} more likewise)" if more else ""
        yield Reason(
            "sustained-incomplete",
            "SUSPECT",
            f"the sustained work of {first.network} did not come to its end: {first.reason}{others}; measure again",
        )


def too_warm(evidence: Evidence) -> Iterator[Reason]:
    """The board had not cooled down as far as it was to, or nothing showed that it had."""
    record = evidence.record
    late = [rest for rest in record.rests if rest.target_c is not None and _is_warm(rest, rest.target_c)]
    if late:
        rest = max(late, key=lambda each: (each.end_c is None, (each.end_c or 0.0) - (each.target_c or 0.0)))
        more = len(late) - 1
        yield Reason("not-cooled", "SUSPECT", f"{_sentence(record, rest)}{f' (and {more} more times)' if more else ''}")


def _is_warm(rest: BoardRest, target_c: float) -> bool:
    return not rest.reached and (rest.end_c is None or rest.end_c > target_c)


def _sentence(record: Record, rest: BoardRest) -> str:
    names = {window.run: window.network for window in record.sustained_windows}
    before = "the rounds" if rest.run is None else f"the sustained work of {names.get(rest.run, 'a network')}"
    if rest.end_c is None or rest.target_c is None:
        return f"whether the board had cooled down before {before} is unknown: its temperature could not be read"
    now, target = with_limit(rest.end_c, rest.target_c, ".0f")
    waited_s = rest.end_s - rest.start_s
    return (
        f"the board had {now} °C ({rest.zone}) before {before} and was to cool down to {target} °C, "
        f"for which it got {waited_s:.0f} s; cool it, or name a temperature that it reaches at rest"
    )


def remarks(record: Record) -> Iterator[str]:
    """What sustained work showed of each network, a sentence each."""
    for found in of_run(record):
        if found.windows:
            yield f"{found.network}: {_held_up(found)}"


def _held_up(found: SustainedFigures) -> str:
    throttle, change = found.throttle, found.change
    assert throttle is not None
    length_s = found.windows[-1].end_s - found.windows[0].start_s
    if throttle.time_s is not None:
        head = f"slowed down for good after {duration(throttle.time_s)} of {duration(length_s)} ({throttle.cause})"
    elif throttle.slow_share > 0:
        head = f"no lasting slowdown in {duration(length_s)}, slow in {throttle.slow_share:.0%} of it"
    else:
        head = f"no slowdown in {duration(length_s)}"
    if change is None:
        return head
    bounds = change.interval
    ends = f", 95% interval {bounds.low:.3f} to {bounds.high:.3f}" if bounds else ""
    signs = f"; the board reported {', '.join(throttle.signs)}" if throttle.signs else ""
    return f"{head}; a call took {change.estimate:.3f} times as long at the end as at the start{ends}{signs}"
