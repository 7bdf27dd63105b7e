"""Theta as a function of one's own: how likely each unit of a layer is to exist, relative to the others."""

import hashlib
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sis_edge.errors import UsageError
from sis_edge.formation.distributions.base import Distribution, Mask, Units, first
from sis_edge.formation.streams import Keys
from sis_edge.registries import DISTRIBUTIONS

Theta: TypeAlias = Callable[[tuple[int, ...]], NDArray[np.float64]]
"""From the shape of a layer's units, (filters or blocks, inputs[, kernel, kernel]), to a likelihood >= 0 for each."""


class Weighted(Distribution):
    """Units are drawn one after the other, each with a probability proportional to its likelihood, and none twice.

    Drawn by the keys log(1 - u) / likelihood of uniform numbers u, of which the largest count (Efraimidis and Spirakis,
    2006). Units of all layers compete, as in the uniform distribution: equal likelihoods give the very same graph.
    """

    acts_on: ClassVar[tuple[str, ...]] = ("kernel", "block", "synapse")

    def __init__(self, name: str, theta: Theta) -> None:
        self.name = name  # type: ignore[misc]  # one instance a function
        self._theta = theta

    def applies_to(self, granularity: str) -> bool:
        """All that is drawn freely between neurons; whole neurons are not, and N of M has its count in each group."""
        return granularity not in ("neuron", "nm")

    def draw(self, keys: Keys, count: int) -> Mask:
        """The `count` units that come first."""
        return first(count, self._order(Units(keys, count), count))

    def choose(self, layers: Sequence[Units], count: int) -> list[Mask]:
        """The `count` units that come first in all layers together."""
        orders = [self._order(units, 0) for units in layers]
        joined = np.concatenate([order.ravel() for order in orders])
        self._enough(joined, count)
        ends = np.cumsum([order.size for order in orders])[:-1]
        parts = np.split(first(count, joined), ends)
        return [part.reshape(order.shape) for part, order in zip(parts, orders, strict=True)]

    def likelihoods(self, units: Units) -> NDArray[np.float64]:
        """How likely each unit of a layer is, relative to the others."""
        return self._theta(units.keys.shape)

    def _order(self, units: Units, count: int) -> NDArray[np.float64]:
        """When each unit comes: the smaller, the earlier; infinite where its likelihood is 0."""
        keys, likelihoods = units.keys, np.asarray(self.likelihoods(units), dtype=np.float64)
        if likelihoods.shape != keys.shape:
            raise UsageError(
                f"distribution {self.name} gives shape {likelihoods.shape} for units of shape {keys.shape}; "
                "return a likelihood for each unit"
            )
        if not np.all(np.isfinite(likelihoods)) or np.any(likelihoods < 0):
            raise UsageError(f"distribution {self.name} gives a likelihood that is negative or not finite")
        uniform = np.minimum((keys.astype(np.float64) + 0.5) / 2.0**64, 1 - 2.0**-53)
        with np.errstate(divide="ignore"):
            order: NDArray[np.float64] = np.where(likelihoods > 0, -np.log1p(-uniform) / likelihoods, np.inf)
        self._enough(order, count)
        return order

    def _enough(self, order: NDArray[np.float64], count: int) -> None:
        possible = int(np.isfinite(order).sum())
        if possible < count:
            raise UsageError(
                f"distribution {self.name} gives a likelihood above 0 to {possible} units, and {count} are to exist; "
                "let more of them exist, or lower the density"
            )


class WeightedByLayer(Weighted):
    """The same by an array for each layer, in the shape of its units; all are equal in a layer that has none."""

    acts_on = ("kernel", "synapse")

    def __init__(self, name: str, arrays: Mapping[str, NDArray[np.float64]]) -> None:
        super().__init__(name, np.ones)
        self._arrays = dict(arrays)

    def applies_to(self, granularity: str) -> bool:
        """Units that are the network's own: blocks of filters depend on which filters exist."""
        return granularity in self.acts_on

    def likelihoods(self, units: Units) -> NDArray[np.float64]:
        """The layer's array."""
        found = self._arrays.get(units.layer)
        return super().likelihoods(units) if found is None else found


def registered(theta: str | Theta) -> str:
    """The name of a distribution: a name itself, or that of a function, which is registered under its own name.

    Raises UsageError for an unknown name, and for a function without a name of its own.
    """
    if isinstance(theta, str):
        return DISTRIBUTIONS.checked(theta)
    name = getattr(theta, "__name__", "")
    if not callable(theta):
        raise UsageError(
            f"theta is a {type(theta).__name__}; give a name, a function, or arrays by the layers' names: "
            "{'C1': array, 'C2': array}"
        )
    if not name.isidentifier():
        raise UsageError("theta is a function which has no name; define it with `def`, for the graph to name it")
    DISTRIBUTIONS.register(name, Weighted(name, theta))
    return name


def source_sha256(theta: str | Theta) -> str | None:
    """SHA-256 of the source text of a function; None for a name, and where Python does not know the source.

    It says whether two graphs were drawn by the same text, not what else that text calls.
    """
    if isinstance(theta, str):
        return None
    try:
        source = inspect.getsource(theta)
    except (OSError, TypeError):
        return None
    return hashlib.sha256(textwrap.dedent(source).encode()).hexdigest()
