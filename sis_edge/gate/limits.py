"""How much worse each metric may become, as `--max-regress` has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sis_edge.errors import UsageError, unknown
from sis_edge.results.changes import METRICS

DEFAULT_LIMIT = 0.02


@dataclass(frozen=True)
class Limits:
    """Largest accepted change: `every` for all metrics but those in `own`. Accuracy in points, others as shares."""

    every: float = DEFAULT_LIMIT
    own: Mapping[str, float] = field(default_factory=dict)

    def of(self, metric: str) -> float:
        """That of a metric."""
        return self.own.get(metric, self.every)


def limits(text: str) -> Limits:
    """From "2%", "latency=2%,memory=5%", or "2%,memory=5%"; raises UsageError.

    >>> limits("2%,memory=5%").of("latency"), limits("2%,memory=5%").of("memory"), limits("accuracy=0.5%").every
    (0.02, 0.05, 0.02)
    """
    every: list[float] = []
    own: dict[str, float] = {}
    for word in text.split(","):
        name, equals, value = (part.strip() for part in word.rpartition("="))
        if not equals:
            every.append(_share(text, value))
        elif name not in METRICS:
            raise unknown("metric in --max-regress", name, METRICS)
        elif name in own:
            raise UsageError(f"--max-regress has {name} twice; leave one out")
        else:
            own[name] = _share(text, value)
    if len(every) > 1:
        raise UsageError(f"--max-regress is '{text}', with two limits for all metrics; leave one out")
    return Limits(every[0] if every else DEFAULT_LIMIT, own)


def required(text: str) -> frozenset[str]:
    """The metrics that must be measured, from "latency,energy"; raises UsageError.

    >>> sorted(required("energy, latency"))
    ['energy', 'latency']
    """
    found = [word.strip() for word in text.split(",") if word.strip()]
    for name in found:
        if name not in METRICS:
            raise unknown("metric in --require", name, METRICS)
    return frozenset(found)


def _share(text: str, value: str) -> float:
    """A share from "2%" or "0.02", 0 for none at all."""
    try:
        found = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        found = -1.0
    if not 0 <= found < 10:
        raise UsageError(f"--max-regress is '{text}', and must be shares from 0 on, such as 2% or latency=2%,memory=5%")
    return found
