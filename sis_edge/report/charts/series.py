"""What was recorded over the length of a run, as curves that a chart can hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from sis_agent.schema import PowerTrace, Record
from sis_edge.results.energy import total
from sis_edge.results.evidence import Evidence

MOST = 180
"""Points of a curve: more lie closer than a narrow chart can show."""

MOST_OF_ALL, LEAST = 1080, 40
"""Points of all curves of a chart, so that its picture stays small, and what each of many curves has at least."""

GAP = 4.0
"""Points that lie so many times their usual distance apart are not joined: nothing is known in between."""

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Bucket:
    """Neighbouring points as one: their mean time, the least, the median and the greatest value."""

    t_s: float
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Curve:
    """One quantity over time, in pieces without a gap; `points` is how many were recorded."""

    name: str
    pieces: tuple[tuple[Bucket, ...], ...]
    points: int

    @property
    def is_thinned(self) -> bool:
        """Whether buckets hold several points each."""
        return self.points > sum(map(len, self.pieces))

    @property
    def buckets(self) -> list[Bucket]:
        """Those of all pieces."""
        return [bucket for piece in self.pieces for bucket in piece]


def most_of(curves: int) -> int:
    """How many buckets each of so many curves may have in one chart."""
    return min(MOST, max(LEAST, MOST_OF_ALL // max(curves, 1)))


def curve(name: str, points: Points, cuts_s: Iterable[float] = (), most_buckets: int = MOST) -> Curve:
    """The points by time in at most so many buckets, apart where there is a gap and at each of `cuts_s`."""
    points = sorted(points)
    size = -(-len(points) // most_buckets) or 1
    steps = [after[0] - before[0] for before, after in pairwise(points)]
    most = GAP * median(steps) if steps else 0.0
    pieces: list[Points] = [points[:1]]
    for before, after in pairwise(points):
        is_cut = any(before[0] <= cut_s <= after[0] for cut_s in cuts_s)
        if is_cut or after[0] - before[0] > most > 0:
            pieces.append([])
        pieces[-1].append(after)
    made = tuple(
        tuple(_bucket(piece[at : at + size]) for at in range(0, len(piece), size)) for piece in pieces if piece
    )
    return Curve(name, made, len(points))


def _bucket(points: Sequence[tuple[float, float]]) -> Bucket:
    values = [value for _, value in points]
    return Bucket(sum(t_s for t_s, _ in points) / len(points), min(values), median(values), max(values))


def states(record: Record) -> list[tuple[str, Points]]:
    """The clock of the fastest core that the job may use, the GPU's clock and the hottest zone, where known."""
    cores = list(record.job.cores or record.facts_before.allowed_cores)
    clocks: Points = []
    gpu: Points = []
    heat: Points = []
    for state in record.states:
        known = [hertz for hertz in state.cpu_frequency_hz if hertz]
        if cores and max(cores) < len(state.cpu_frequency_hz):
            known = [hertz for core in cores if (hertz := state.cpu_frequency_hz[core])]
        if known:
            clocks.append((state.t_s, max(known) / 1e9))
        if state.gpu_frequency_hz:
            gpu.append((state.t_s, state.gpu_frequency_hz / 1e9))
        zones = [
            celsius
            for zone, celsius in state.temperatures_c.items()
            if celsius is not None and "pmic" not in zone.lower()  # Jetsons report a constant 50 or 100 there
        ]
        if zones:
            heat.append((state.t_s, max(zones)))
    return [("Temperature, hottest zone (°C)", heat), ("CPU clock (GHz)", clocks), ("GPU clock (GHz)", gpu)]


def power(record: Record) -> list[tuple[str, Points]]:
    """The total over time; each rail where there is no rule for one. Counted energy becomes power between counts."""
    trace, rails = Evidence(record).trace, record.power.total_rails
    # A total that cannot be the board's power has no curve either.
    if trace is None or (rails and isinstance(total(record), str)):
        return []
    scope = record.power.scope or "scope unknown"
    if rails:
        return [(f"Power, {scope} (W)", _watts(trace, rails))]
    return [(f"Power, {rail}, {scope} (W)", _watts(trace, [rail])) for rail in trace.rails]


def _watts(trace: PowerTrace, rails: Sequence[str]) -> Points:
    points: Points = []
    before: tuple[float, float] | None = None
    counted = all(rail in trace.energy_j for rail in rails)
    columns = [trace.energy_j[rail] if counted else trace.power_w.get(rail, []) for rail in rails]
    for at, t_s in enumerate(trace.times_s):
        values = [column[at] if at < len(column) else None for column in columns]
        if any(value is None for value in values):
            continue
        amount = sum(value for value in values if value is not None)
        if not counted:
            points.append((t_s, amount))
        elif before is not None and t_s > before[0]:
            points.append((t_s, (amount - before[1]) / (t_s - before[0])))
        before = (t_s, amount)
    return points
