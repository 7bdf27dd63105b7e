"""One thing that may differ between two runs, and what a difference does to latency."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from typing import Any, Literal

UNKNOWN = "unknown"
MOST_LOG = log(1e6)
"""Of a ratio; nothing that is beyond it is two values of one thing."""
SHOWN = 60
"""Characters of a value in a table."""

State = Literal["differs", "same", "unknown"]


@dataclass(frozen=True)
class Effect:
    """What B's latency over A's would be if this were the only difference, on a logarithmic scale (0: the same).

    `likely` has it for each network that is affected, by the network's title. `spread` is the standard deviation of
    that prediction, `weight` in (0, 1] how often such a difference matters at all. `is_modelled`: a model predicts it;
    else it could go either way, by about `spread`.
    """

    likely: Mapping[str, float]
    spread: float
    weight: float = 1.0
    is_modelled: bool = True

    @classmethod
    def could_matter(cls, networks: Mapping[str, Any], spread: float, weight: float) -> "Effect":
        """On these networks by about `spread`, either way."""
        return cls(dict.fromkeys(networks, 0.0), spread, weight, is_modelled=False)

    @classmethod
    def ratio(cls, networks: Mapping[str, Any], a: float, b: float, error: float, least: float = 0.01) -> "Effect":
        """On these networks by b over a, its logarithm known to within the share `error`, and to `least` at best.

        Without a model where no such ratio can be: a board may record anything.
        """
        likely = log_ratio(a, b)
        if likely is None:
            return cls.could_matter(networks, 1.0, 0.5)
        return cls(dict.fromkeys(networks, likely), error * abs(likely) + least)


@dataclass(frozen=True)
class Factor:
    """A thing that may differ: a stable code, its name for people, its values as text, and what a difference does.

    `effect` None: it cannot change a latency, at least not by itself, and `note` says why. `note` may also name what a
    prediction is made of.
    """

    code: str
    title: str
    a: str
    b: str
    state: State
    effect: Effect | None = None
    note: str = ""

    @classmethod
    def of(
        cls,
        code: str,
        title: str,
        values: tuple[Any, Any],
        effect: Effect | None = None,
        *,
        text: Callable[[Any], str] = str,
        differ: bool | None = None,
        note: str = "",
    ) -> "Factor":
        """By the values of A and B, None where one is unknown; `differ` None: they differ where they are not equal."""
        a, b = (UNKNOWN if value is None else short(text(value)) for value in values)
        state: State = "unknown" if None in values else "differs" if values[0] != values[1] else "same"
        if state == "differs" and differ is False:
            state = "same"
        return cls(code, title, a, b, state, effect, note)


def log_ratio(a: float, b: float) -> float | None:
    """The logarithm of b over a; None where one is not above 0, or no board could have both."""
    if min(a, b) <= 0:
        return None
    likely = log(b) - log(a)
    return likely if abs(likely) <= MOST_LOG else None


def short(text: str) -> str:
    """The text, cut where it is too long for a table."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}\N{HORIZONTAL ELLIPSIS}"
