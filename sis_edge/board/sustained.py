"""Sustained work and rests, as a user asks for them and as a job has them."""

from dataclasses import dataclass

from sis_agent.board.thermal import hottest
from sis_agent.schema import Facts, Job, RestRequest, SustainedRequest
from sis_edge.errors import BoardError, UsageError

SHORTEST_S, LONGEST_S = 5.0, 86400.0
WINDOWS_LEAST, WINDOWS_MOST = 60, 360
SHORTEST_WINDOW_S, WINDOW_S = 1.0, 10.0
"""A window is 10 s long where there are enough of them, and no more than WINDOWS_MOST are kept of a run."""

RATE_MOST_HZ = 100_000.0
COOL_LEAST_C, COOL_MOST_C = 1.0, 150.0
OF_A_RUN_S = 60.0
"""What a run may take beside its rest and its work: a process, the load, the warm-up."""


@dataclass(frozen=True)
class SustainedOptions:
    """What a user asks for: each network for `time_s` (None: no sustained work), `rate_hz` calls a second (None: back
    to back), after rests of `rest_s` and until the hottest zone is at or below `cool_to_c`.
    """

    time_s: float | None = None
    rate_hz: float | None = None
    cool_to_c: float | None = None
    rest_s: float | None = None


def sustained_request(options: SustainedOptions) -> SustainedRequest | None:
    """What a job is asked for; raises UsageError for what cannot be done."""
    time_s, rate_hz = options.time_s, options.rate_hz
    if rate_hz is not None and time_s is None:
        raise UsageError("--rate paces the calls of sustained work: say with --sustain for how long, such as 10min")
    if rate_hz is not None and not 0 < rate_hz <= RATE_MOST_HZ:
        raise UsageError(f"--rate is {rate_hz:g}, and must be above 0 and up to {RATE_MOST_HZ:,.0f} a second")
    if time_s is None:
        return None
    if not SHORTEST_S <= time_s <= LONGEST_S:
        raise UsageError(f"--sustain is {time_s:g} s, and must be from {SHORTEST_S:g} s to 24 h; 30min, for example")
    window_s = max(time_s / WINDOWS_MOST, min(WINDOW_S, max(SHORTEST_WINDOW_S, time_s / WINDOWS_LEAST)))
    return SustainedRequest(time_s, window_s, rate_hz)


def rest_request(options: SustainedOptions) -> RestRequest | None:
    """The rests of a job; raises UsageError for what cannot be reached."""
    celsius = options.cool_to_c
    if celsius is not None and not COOL_LEAST_C <= celsius <= COOL_MOST_C:
        raise UsageError(
            f"--cool-to is {celsius:g}, and must be a temperature from {COOL_LEAST_C:g} to {COOL_MOST_C:g} °C"
        )
    if celsius is None and options.rest_s is None:
        return None
    return RestRequest(options.rest_s or 0.0, celsius)


def added_limit_s(networks: int, rest: RestRequest | None, sustained: SustainedRequest | None) -> float:
    """What a job may take beyond its profile's limit: every rest at its longest, every run."""
    longest_s = rest_s = 0.0
    if rest is not None:
        rest_s = rest.rest_s + (rest.limit_s if rest.cool_to_c is not None else 0.0)
    if sustained is not None:
        every = rest or RestRequest()
        longest_s = networks * (every.rest_s + every.limit_s + sustained.time_s + OF_A_RUN_S)
    return rest_s + longest_s


def expected_s(job: Job) -> float:
    """What rests and sustained runs take where nothing has to cool down."""
    count = len(job.networks) if job.sustained is not None else 0
    rests_s = 0.0 if job.rest is None else (1 + count) * job.rest.rest_s
    return rests_s + (count * job.sustained.time_s if job.sustained is not None else 0.0)


def check_temperature(options: SustainedOptions, facts: Facts, name: str) -> None:
    """Raise BoardError for a board that has to cool down and does not report how warm it is."""
    if options.cool_to_c is not None and hottest(facts.temperatures_c) is None:
        raise BoardError(
            f"--cool-to waits until the board is at or below {options.cool_to_c:g} °C, and {name} reports no "
            "temperature; leave it out, and let the board rest for a time with --rest 60s"
        )
