"""Rules on what was computed: the function that the host computes, and no more of it than there is to gain."""

from collections.abc import Iterator
from statistics import median

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.results.evidence import Evidence, round_medians
from sis_edge.results.function import other_function, wrong_functions
from sis_edge.results.rules.base import Reason
from sis_edge.text.limits import with_limit

# Caches and better kernels let a network gain some more than its multiply-accumulates say; we have seen 6%.
BEYOND_CEILING = 1.25


def wrong(evidence: Evidence) -> Iterator[Reason]:
    """A network computes another function than on the host: what it gains is nobody's gain."""
    wrong = wrong_functions(evidence.record, evidence.entries)
    if not wrong:
        return
    names = {network.name: evidence.shown(network) for network in evidence.record.networks}
    first, *others = sorted(wrong, key=lambda name: name != evidence.reference)
    withheld = "their speed-ups are not reported" if others else "its speed-up is not reported"
    if first == evidence.reference:
        withheld = "no speed-up is reported, since all are compared with it"
    yield Reason(
        "wrong-function",
        "INVALID",
        f"network {names[first]}: {other_function(evidence.entries.get(first))}: {wrong[first]}"
        f"{'; nor do ' + ', '.join(names[name] for name in others) if others else ''}; {withheld}; do not use "
        f"{'them' if others else 'it'} on this board with this runtime",
    )


def beyond_ceiling(evidence: Evidence) -> Iterator[Reason]:
    """A network gains far more than its multiply-accumulates can explain, in the reference's precision and runtime.

    Of networks that sis-edge did not form, it does not know what they have to compute. Winograd's algorithm computes
    the same from fewer multiply-accumulates, which are those that count here.
    """
    records = {network.name: network for network in evidence.measured}
    dense = records.get(evidence.reference or "")
    reference = evidence.entries.get(dense.name) if dense else None
    if dense is None or not isinstance(reference, NetworkEntry):
        return
    for network in evidence.measured:
        entry = evidence.entries.get(network.name)
        gain = None if network.name == dense.name else _gain(dense, network)
        if not isinstance(entry, NetworkEntry) or gain is None or network.precision != dense.precision:
            continue
        if evidence.runtime(network) != evidence.runtime(dense):
            continue
        most = _most(reference, entry)
        if most is not None and gain > BEYOND_CEILING * most:
            times, limit = with_limit(gain / most, BEYOND_CEILING, ".2f")
            yield Reason(
                "beyond-ceiling",
                "SUSPECT",
                f"network {evidence.shown(network)} is {gain:.2f} times as fast as {evidence.shown(dense)}, {times} "
                f"times the ratio of their multiply-accumulates ({most:.2f}; up to {limit} times has known "
                f"causes): something slows {evidence.shown(dense)} alone; look for other programs, then measure again",
            )


def _most(dense: NetworkEntry, network: NetworkEntry) -> float | None:
    """The speed-up of equal kernels: the ratio of what both multiply; None where a bundle does not say it."""
    above, below = dense.work, network.work
    if above is None or below is None:
        return None
    return above / below


def _gain(dense: NetworkRecord, network: NetworkRecord) -> float | None:
    """The median over shared rounds of the ratio of medians, as the speed-up is."""
    above, below = round_medians(dense), round_medians(network)
    ratios = [above[number] / below[number] for number in above.keys() & below.keys() if below[number] > 0]
    return median(ratios) if ratios else None
