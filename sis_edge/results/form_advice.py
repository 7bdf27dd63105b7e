"""Which of a network's forms to use, where it was measured in several precisions: the fastest that costs little.

What a form costs is the drop of its accuracy on the board from the same network in float32, image by image. A form is
taken only where the upper end of that drop's 95% interval is small: that a drop is not significant says little where
images are few. What a form gains is its speed over the plain network in float32, by the rounds that both have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.identity import PLAIN
from sis_edge.results.kernel_choice import WORTH_IT, SparseChoice
from sis_edge.results.rows import Row
from sis_edge.results.rows.accuracy import ONLY_COUNTED
from sis_edge.results.rows.latency import round_latencies, round_processes
from sis_edge.results.statistics import Interval, SpeedUp, speed_up

FP32 = "fp32"

MOST_DROP = 0.02
"""The upper end of a drop's interval that a form may have, as a share of the images: two points."""


@dataclass(frozen=True)
class Cost:
    """The drop of a form's accuracy on the board from float32, as a share of the same `images`."""

    drop: float
    interval: Interval
    images: int

    @property
    def words(self) -> str:
        """As reports say it."""
        side = "below" if self.drop >= 0 else "above"
        low, high = (_points(end) for end in (self.interval.low, self.interval.high))
        return (
            f"accuracy {_points(abs(self.drop))} points {side} fp32 (95% interval of the drop {low} to "
            f"{high}, the same {self.images:,} test images)"
        )


@dataclass(frozen=True)
class FormAdvice:
    """The form of a network to use, by its label; `speed_up` is over the plain network in float32.

    Both figures are None where that is the one to use, and `cost` for another form in float32, which computes the same
    function. `refused` are the forms that are faster than it, and why each is not the one.
    """

    network: str
    use: str
    speed_up: SpeedUp | None
    cost: Cost | None
    refused: tuple[tuple[str, str], ...]

    @property
    def sentence(self) -> str:
        """What to use and what it costs, in a sentence that goes on from the network's name."""
        parts = [f"use {self.use}"]
        if self.speed_up is not None:
            parts[0] += f": {_speed(self.speed_up)} the speed of fp32"
        if self.cost is not None:
            parts.append(self.cost.words)
        parts += [f"not {label}: {reason}" for label, reason in self.refused]
        return "; ".join(parts) + "."


@dataclass(frozen=True)
class _Form:
    row: Row
    gain: SpeedUp


def advise(
    rows: Sequence[Row],
    records: Mapping[str, NetworkRecord],
    choices: Sequence[SparseChoice] = (),
    seed: int = 0,
) -> list[FormAdvice]:
    """Advice for each network that was measured in several precisions, one of them plain float32.

    `records` are those of the same run by the label of their row, `choices` its choices between forms with sparse
    kernels and without: one that is not to be used is not advised here either. `seed` is the bootstrap's.
    """
    dropped = {(choice.network, choice.form, choice.precision) for choice in choices if not choice.use_sparse}
    found = []
    for network in dict.fromkeys(row.identity.network for row in rows):
        own = [row for row in rows if row.identity.network == network and row.problem is None]
        own = [row for row in own if row.identity.label in records]
        plain = next((row for row in own if (row.identity.form, row.identity.precision) == (PLAIN, FP32)), None)
        if plain is None or len({row.identity.precision for row in own}) < 2:
            continue
        own = [row for row in own if (network, row.identity.form, row.identity.precision) not in dropped]
        found.append(_advice(network, plain, _faster(plain, own, records, seed)))
    return found


def _faster(plain: Row, rows: Sequence[Row], records: Mapping[str, NetworkRecord], seed: int) -> list[_Form]:
    """The forms that are surely faster than the plain one, the fastest first."""
    base, forms = records[plain.identity.label], []
    for row in rows:
        record = records[row.identity.label]
        if row is plain:
            continue
        gain = speed_up(round_latencies(base), round_latencies(record), seed, processes=round_processes(record))
        if gain is not None and gain.interval is not None and gain.interval.low >= WORTH_IT:
            forms.append(_Form(row, gain))
    return sorted(forms, key=lambda form: -form.gain.estimate)


def _advice(network: str, plain: Row, faster: Sequence[_Form]) -> FormAdvice:
    refused: list[tuple[str, str]] = []
    for form in faster:
        label = form.row.identity.label
        if form.row.identity.precision == FP32:
            return FormAdvice(network, label, form.gain, None, tuple(refused))
        cost = _cost(form.row)
        if cost is None:
            reason = form.row.accuracy.device_drop.estimate.reason or ONLY_COUNTED
            refused.append((label, f"{_speed(form.gain)} the speed, and its accuracy is not known ({reason})"))
        elif cost.interval.high > MOST_DROP:
            limit = f"the upper end is above {_points(MOST_DROP)}"
            refused.append((label, f"{_speed(form.gain)} the speed, and {cost.words}: {limit}"))
        else:
            return FormAdvice(network, label, form.gain, cost, tuple(refused))
    return FormAdvice(network, plain.identity.label, None, None, tuple(refused))


def _cost(row: Row) -> Cost | None:
    drop, images = row.accuracy.device_drop, row.accuracy.device_test_images.value
    estimate, interval = drop.estimate.value, drop.interval.value
    if estimate is None or interval is None or images is None or not drop.is_paired.value:
        return None
    return Cost(estimate, interval, images)


def _speed(gain: SpeedUp) -> str:
    assert gain.interval is not None  # others are not faster surely
    return f"{gain.estimate:.2f}× (95% interval {gain.interval.low:.2f} to {gain.interval.high:.2f})"


def _points(share: float) -> str:
    """A share in percentage points.

    >>> _points(0.00201), _points(-0.00001)
    ('0.20', '0.00')
    """
    return f"{100 * share:.2f}".replace("-0.00", "0.00").replace("-", "−")
