"""What a job asks and records of sustained work: each network alone, for minutes, from the same start temperature."""

from typing import Dict, List, NamedTuple, Optional

# A latency of t seconds is counted in bucket floor(log(t) / log(BUCKET_RATIO)): known to 0.2%, whatever its size.
BUCKET_RATIO = 1.002


class RestRequest(NamedTuple):
    """What comes before the rounds and before each sustained run: `rest_s` of idling, then cooling down to `cool_to_c`.

    It is the hottest zone that has to cool down, and it gets `limit_s` for it at most; `cool_to_c` None: no waiting
    before the rounds, and before a sustained run for the temperature that the first of them began with.
    """

    rest_s: float = 0.0
    cool_to_c: Optional[float] = None
    limit_s: float = 900.0


class SustainedRequest(NamedTuple):
    """Each network works for `time_s`, in windows of `window_s`, back to back or `rate_hz` calls a second."""

    time_s: float
    window_s: float
    rate_hz: Optional[float] = None


class BoardRest(NamedTuple):
    """The board at rest before the rounds (`run` None) or before a sustained run, by that run's number.

    `target_c` is what the hottest zone had to reach, None where nothing was waited for; `reached` says whether it did,
    None where it could not be read to the end. `start_c`, `end_c` and `zone` are of the hottest zone.
    """

    run: Optional[int]
    start_s: float
    end_s: float
    target_c: Optional[float] = None
    start_c: Optional[float] = None
    end_c: Optional[float] = None
    zone: Optional[str] = None
    reached: Optional[bool] = None


class LatencyCounts(NamedTuple):
    """Latencies as a histogram: `counts` of them in each of `buckets`, which ascend; sum, least and most are exact."""

    buckets: List[int]
    counts: List[int]
    sum_s: float
    min_s: float
    max_s: float


class SustainedWindow(NamedTuple):
    """A stretch of a sustained run. Single latencies are not kept, nor are single readings of sensors.

    `service` is the time of each call that ended within it. Where calls are paced, `latency` counts from the scheduled
    start, `due` is the number of starts that were scheduled within the window, and `missed` how many of the calls that
    ended within it did so after the next one was due; else these three are None.

    `power_w` is each rail's mean, `cpu_frequency_hz` the mean of the fastest core that the job may use,
    `gpu_frequency_hz` that of the working GPU, `temperature_c` the most of the hottest zone, `throttle` the share of
    the `states` read in which each sign of throttling was up, `events` by how much each counter rose. None: unknown.
    """

    run: int
    network: str
    start_s: float
    end_s: float
    service: LatencyCounts
    latency: Optional[LatencyCounts] = None
    due: Optional[int] = None
    missed: Optional[int] = None
    power_w: Dict[str, Optional[float]] = {}
    cpu_frequency_hz: Optional[float] = None
    gpu_frequency_hz: Optional[float] = None
    temperature_c: Optional[float] = None
    throttle: Dict[str, float] = {}
    events: Dict[str, float] = {}
    states: int = 0


class SustainedRun(NamedTuple):
    """A sustained run that has ended, by its number; `reason` says why it is not whole, None where it is.

    A network whose run was cut off, since the job was, is run again under another number.
    """

    run: int
    network: str
    reason: Optional[str] = None
