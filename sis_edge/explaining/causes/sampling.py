"""How it was measured: warm-up, length of turns, processes, the sampler's cost, interruptions."""

from collections.abc import Iterator
from math import log

from sis_agent.schema import Job
from sis_edge.explaining.causes.work import of_networks
from sis_edge.explaining.factor import Effect, Factor
from sis_edge.explaining.pair import RunPair
from sis_edge.results.evidence import Evidence
from sis_edge.results.sampling import cost
from sis_edge.results.two_runs.obstacles import timed_parts

SAME_COST = 0.005


def warm_up(pair: RunPair) -> Iterator[Factor]:
    """Whether networks ran steadily before they were measured."""
    unsteady = pair.of_evidence(_unsteady)
    effect = Effect.could_matter(pair.networks, 0.05, 0.5)
    yield Factor.of("unsteady-warm-up", "not steady after warm-up", unsteady, effect)
    times = pair.of_jobs(lambda job: job.warmup_s)
    yield Factor.of("warm-up", "warm-up", times, Effect.could_matter(pair.networks, 0.03, 0.2), text=_seconds)


def timed_call(pair: RunPair) -> Iterator[Factor]:
    """What stands inside the timed call: copies, pre- and postprocessing, waiting for the device."""
    sides = pair.of_networks(lambda run, entry, record: timed_parts(record.timed_call) or None)
    texts = {title: (_parts(a, b), _parts(b, a)) for title, (a, b) in sides.items()}
    others = {title: None for title, (a, b) in sides.items() if a != b}
    effect = Effect.could_matter(others, 0.2, 1.0)
    yield from of_networks(pair, "timed-call", "inside the timed call", texts, effect)


def rest(pair: RunPair) -> Iterator[Factor]:
    """The rest before the rounds, which decides from which temperature they begin."""
    rests = pair.of_jobs(_rest)
    yield Factor.of("rest", "rest before the rounds", rests, Effect.could_matter(pair.networks, 0.03, 0.2))


def length(pair: RunPair) -> Iterator[Factor]:
    """Rounds, inferences in a turn, processes."""
    turns = pair.of_evidence(_inferences)
    a, b = turns
    differ = a is not None and b is not None and abs(log(a / b)) > 0.2
    effect = Effect.could_matter(pair.networks, 0.03, 0.2)
    yield Factor.of(
        "turn-length", "inferences in a turn", turns, effect, text=lambda found: f"{found:.0f}", differ=differ
    )
    processes = pair.of_jobs(lambda job: job.processes)
    yield Factor.of("processes", "worker processes", processes, Effect.could_matter(pair.networks, 0.02, 0.2))
    rounds = pair.of_evidence(lambda evidence: len(evidence.slowness) or None)
    yield Factor.of("rounds", "rounds", rounds, None, note="more rounds make the interval narrower")


def sampler(pair: RunPair) -> Iterator[Factor]:
    """What reading sensors meanwhile cost, by turns with and without it."""
    a, b = pair.of_runs(lambda run: cost(run.record))
    costs = (a.slowdown if a.interval else None, b.slowdown if b.interval else None)
    likely = log((costs[1] or 1.0) / (costs[0] or 1.0))
    error = sum(log(each.interval.high / each.interval.low) for each in (a, b) if each.interval) / 4
    effect = Effect(dict.fromkeys(pair.networks, likely), error + 0.005)
    differ = abs(likely) > max(SAME_COST, 2 * error)
    yield Factor.of(
        "sampler", "cost of sampling", costs, effect, text=lambda found: f"{100 * (found - 1):.1f}%", differ=differ
    )


def interruptions(pair: RunPair) -> Iterator[Factor]:
    """Whether the job was cut off and went on, and whether other users' jobs were kept out."""
    cuts = pair.of_runs(lambda run: len(run.record.interruptions))
    yield Factor.of("interruptions", "interruptions", cuts, Effect.could_matter(pair.networks, 0.05, 0.3))


def _unsteady(evidence: Evidence) -> str | None:
    known = [network for network in evidence.measured if network.warmup_steady is not None]
    if not known:
        return None
    return ", ".join(evidence.shown(network) for network in known if not network.warmup_steady) or "none"


def _inferences(evidence: Evidence) -> float | None:
    counts = sorted(len(turn.latencies_s) for _, turn in evidence.turns)
    return float(counts[len(counts) // 2]) if counts else None


def _parts(own: dict[str, str], other: dict[str, str]) -> str:
    """What is inside; where the two differ only the parts that do."""
    names = [name for name in own if own != other and own[name] != other.get(name)]
    if names:
        return ", ".join(f"{name} {own[name]}" for name in names)
    return ", ".join(name for name, where in own.items() if where == "inside") or "the call alone"


def _rest(job: Job) -> str:
    if job.rest is None:
        return "none"
    cool = "" if job.rest.cool_to_c is None else f", to {job.rest.cool_to_c:g} °C"
    return f"{job.rest.rest_s:g} s{cool}"


def _seconds(value: float) -> str:
    return f"{value:g} s"
