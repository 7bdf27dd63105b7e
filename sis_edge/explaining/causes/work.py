"""What was asked of the board: images per call, precision, runtime, form, threads, cores.

Models. A call of twice as many images takes twice as long, less what a call costs anyway. Threads follow Amdahl's law
with a parallel share of PARALLEL; those beyond the cores that the job may use add nothing. Precisions by usual rates
of kernels over float32's, which networks reach more or less.
"""

from collections.abc import Iterator
from math import log

from sis_edge.explaining.factor import Effect, Factor
from sis_edge.explaining.pair import RunPair, Sides
from sis_edge.results.evidence import Evidence

PARALLEL = 0.85
CPU_TIMES = {"fp32": 1.0, "fp16": 0.9, "int8": 0.5}
GPU_TIMES = {"fp32": 1.0, "fp16": 0.5, "int8": 0.35}
"""The time of a network in a precision over that in float32."""


def batch_size(pair: RunPair) -> Iterator[Factor]:
    """Images per call."""
    a, b = pair.of_jobs(lambda job: job.batch_size)
    yield Factor.of("batch-size", "batch size", (a, b), Effect.ratio(pair.networks, a, b, 0.15))


def precision(pair: RunPair) -> Iterator[Factor]:
    """What networks are computed in."""
    sides = pair.of_networks(lambda run, entry, record: record.precision)
    times = GPU_TIMES if pair.on_gpu else CPU_TIMES
    likely = {title: log(times.get(b, 1.0) / times.get(a, 1.0)) for title, (a, b) in sides.items() if a != b}
    yield from of_networks(pair, "precision", "precision", sides, Effect(likely, 0.35) if likely else None)


def runtime(pair: RunPair) -> Iterator[Factor]:
    """Which runtime runs them."""
    sides = pair.of_networks(lambda run, entry, record: run.runtime(record))
    yield from of_networks(pair, "runtime", "runtime", sides, Effect.could_matter(_other(sides), 0.5, 1.0))


def form(pair: RunPair) -> Iterator[Factor]:
    """Whether native or sparse kernels compute them."""
    sides = pair.of_networks(lambda run, entry, record: record.form)
    yield from of_networks(pair, "form", "kernels", sides, Effect.could_matter(_other(sides), 0.35, 1.0))


def threads(pair: RunPair) -> Iterator[Factor]:
    """Threads of the runtime."""
    asked = pair.of_jobs(lambda job: job.threads)
    a, b = (min(number, _cores(evidence)) for number, evidence in zip(asked, pair.evidence, strict=True))
    effect = _parallel(pair, a, b)
    if asked[0] != asked[1] and a == b:  # on as many cores: they take turns
        effect = Effect.could_matter(pair.networks, 0.2, 0.7)
    yield Factor.of("threads", "threads", asked, effect, note="Amdahl's law, 85% parallel")


def cores(pair: RunPair) -> Iterator[Factor]:
    """Which cores the job may use, and how much of them."""
    usable = pair.of_evidence(lambda evidence: evidence.usable or None)
    quotas = pair.of_facts(lambda facts: facts.cpu_quota_cores or 0.0)
    own = pair.of_jobs(lambda job: job.threads)
    a, b = (min(threads, _cores(evidence)) for threads, evidence in zip(own, pair.evidence, strict=True))
    is_same_work = own[0] == own[1]
    effect = _parallel(pair, a, b) if a != b and is_same_work else Effect.could_matter(pair.networks, 0.1, 0.4)
    yield Factor.of("cores", "cores that may be used", usable, effect, text=_numbers)
    yield Factor.of(
        "cpu-quota", "CPU quota", quotas, effect, text=lambda found: f"{found:g} cores" if found else "none"
    )


def of_networks(
    pair: RunPair, code: str, title: str, sides: Sides[str], effect: Effect | None, note: str = ""
) -> Iterator[Factor]:
    """A factor of single networks: its values where they differ, else those that all have; none where no network has
    it."""
    if not sides:
        return
    others = _other(sides)
    a, b = (", ".join(dict.fromkeys(values)) for values in zip(*(others or sides).values(), strict=True))
    of_some = ""
    if 0 < len(others) < len(pair.networks):
        of_some = f" of {next(iter(others)) if len(others) == 1 else f'{len(others)} networks'}"
    yield Factor.of(code, title + of_some, (a, b), effect, note=note)


def _other(sides: Sides[str]) -> Sides[str]:
    return {title: (a, b) for title, (a, b) in sides.items() if a != b}


def _cores(evidence: Evidence) -> float:
    """How many cores the job may use at once."""
    facts = evidence.record.facts_before
    number = float(len(evidence.usable) or evidence.cores or evidence.record.job.threads)
    quota = facts.cpu_quota_cores
    return min(number, quota) if quota is not None and quota > 0 else number


def _parallel(pair: RunPair, a: float, b: float) -> Effect:
    if pair.on_gpu:
        return Effect.could_matter(pair.networks, 0.03, 0.5)
    return Effect.ratio(pair.networks, _amdahl(a), _amdahl(b), 0.25, 0.02)


def _amdahl(threads: float) -> float:
    """The time on so many threads over that on one; a part of a core takes the longer. 0 for what cannot be."""
    return (1 - PARALLEL) + PARALLEL / threads if threads >= 1 else 1 / threads if threads > 0 else 0.0


def _numbers(cores: list[int]) -> str:
    """Numbers of cores, a row of them as a range.

    >>> _numbers([0, 1, 2, 5])
    '0-2,5'
    """
    ranges: list[list[int]] = []
    for core in sorted(cores):
        if ranges and core == ranges[-1][1] + 1:
            ranges[-1][1] = core
        else:
            ranges.append([core, core])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in ranges)
