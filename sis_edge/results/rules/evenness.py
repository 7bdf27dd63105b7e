"""Rules on the rounds: did all networks meet the same board, in random order?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from sis_edge.results.evidence import Evidence
from sis_edge.results.rules.base import Reason

SLOW_ROUND = 1.10  # times the usual latency
SLOW_SUSPECT, SLOW_INVALID = 0.10, 0.50  # shares of the rounds: with more than half, the board has no usual speed
# A random order is called another once in ten thousand runs.
ORDER_P_VALUE = 1e-4

Order = tuple[str, ...]
Cell = tuple[str | int, int]


def uneven(evidence: Evidence) -> Iterator[Reason]:
    """The board as a whole was slow in more than a few rounds."""
    slow = [factor for factor in evidence.slowness if factor > SLOW_ROUND]
    if len(slow) > SLOW_SUSPECT * len(evidence.slowness):
        yield Reason(
            "uneven-speed",
            "INVALID" if len(slow) > SLOW_INVALID * len(evidence.slowness) else "SUSPECT",
            f"in {len(slow)} of {len(evidence.slowness)} rounds the networks were slower than in the best quarter, "
            f"by up to {max(slow) - 1:.0%}: the board changed its speed",
        )


def uneven_network(evidence: Evidence) -> Iterator[Reason]:
    """One network was faster or slower against the others in more than a few rounds."""
    odd = [
        (*_odd_rounds(evidence, network.name), network)
        for network in evidence.measured
        if network.name in evidence.factors
    ]
    if not odd:
        return
    rounds, worst, network = max(odd, key=lambda each: each[:2])
    if rounds > SLOW_SUSPECT * len(evidence.factors[network.name]):
        yield Reason(
            "uneven-network",
            "SUSPECT",
            f"in {rounds} of {len(evidence.factors[network.name])} rounds the latency of "
            f"{evidence.shown(network)} was off its "
            f"usual ratio to the others', by up to {worst - 1:.0%}: something befell it alone; measure again",
        )


def order(evidence: Evidence) -> Iterator[Reason]:
    """The networks did not run in random order: what drifts hits some more than others."""
    by_place: dict[int, dict[int, str]] = {}
    by_start: dict[int, dict[float, str]] = {}
    for network, turn in evidence.turns:
        by_place.setdefault(turn.round, {})[turn.position] = network.name
        by_start.setdefault(turn.round, {})[turn.start_s] = network.name
    for rounds in (by_place, by_start):
        orders = [tuple(name for _, name in sorted(rounds[number].items())) for number in sorted(rounds)]
        if _is_fixed(orders, len(evidence.measured)):
            yield Reason(
                "order-not-random",
                "SUSPECT",
                f"the networks ran in much the same order in {len(orders)} rounds: a board that warms up then favours "
                "some of them; measure again",
            )
            return


def _odd_rounds(evidence: Evidence, name: str) -> tuple[int, float]:
    """In how many rounds a network was off its usual ratio to the others, and by how much at most."""
    ratios = []
    for number, factor in evidence.factors[name].items():
        others = [factors[number] for other, factors in evidence.factors.items() if other != name and number in factors]
        usual = median(others) if others else 0.0
        if factor > 0 and usual > 0:  # a coarse clock may give 0
            ratios.append(factor / usual)
    if not ratios:
        return 0, 1.0
    # Against the best quarter where it was slow in less than three quarters of the rounds, else against the worst.
    low, high = sorted(ratios)[len(ratios) // 4], sorted(ratios)[-1 - len(ratios) // 4]
    found = []
    for off in ([ratio / low for ratio in ratios], [high / ratio for ratio in ratios]):
        found.append((sum(factor > SLOW_ROUND for factor in off), max(off)))
    return max(found)


def _is_fixed(orders: Sequence[Order], networks: int) -> bool:
    """Whether places, or the places that follow places, are spread otherwise than a random order spreads them."""
    full = [names for names in orders if len(names) == len(set(names)) == networks]
    if networks < 2 or len(full) < 2:
        return False
    places: Counter[Cell] = Counter((name, place) for names in full for place, name in enumerate(names))
    steps: Counter[Cell] = Counter(
        (earlier.index(name), later.index(name)) for earlier, later in pairwise(full) for name in earlier
    )
    return any(_p_value(counts, networks) < ORDER_P_VALUE for counts in (places, steps))


def _p_value(counts: "Counter[Cell]", networks: int) -> float:
    """That of a table with equal margins, networks x networks, by chi-square; (n - 1) / n since each round is a
    permutation (Anderson, 1959).
    """
    from scipy.special import chdtrc

    expected = counts.total() / networks**2
    cells = [*counts.values(), *[0] * (networks**2 - len(counts))]
    statistic = sum((count - expected) ** 2 for count in cells) / expected
    return float(chdtrc((networks - 1) ** 2, statistic * (networks - 1) / networks))
