"""Theta as arrays of one's own: how likely each kernel or synapse of a layer is to exist, relative to the others.

    <layer>     kernel [filters, inputs / groups] or synapse [filters, inputs / groups, kernel, kernel], numbers >= 0

In a dict, or in a plain `.npz`: `numpy.savez("theta.npz", C1=..., C2=...)`. All units of a layer that is left out are
equally likely. The counts stay those of the densities.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sis_edge.errors import UsageError, unknown
from sis_edge.formation.distributions.weighted import WeightedByLayer
from sis_edge.formation.form import densities, existing
from sis_edge.formation.formation import Formation
from sis_edge.formation.masks import load_arrays
from sis_edge.registries import DISTRIBUTIONS, GRANULARITIES
from sis_edge.spec import LayerSpec, NetworkSpec

OWN = "own"


def load(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz`; raises UsageError where it cannot be read."""
    return load_arrays(path, "an array of likelihoods for each layer")


def with_theta(
    spec: NetworkSpec, formation: Formation, arrays: Mapping[str, NDArray[Any]], name: str = OWN
) -> Formation:
    """The formation, drawn by these arrays: they are the distribution of that name from now on, in this process.

    What exists of neurons is not theirs to decide: their rows and columns that do not exist are left out. Raises
    UsageError for a layer that the network lacks or of which nothing is drawn, another shape, and what is no
    likelihood.
    """
    if not arrays:
        raise UsageError("theta has no array; give one for each layer that it is for, by the layer's name")
    layers = {layer.name: layer for layer in spec.layers}
    shares = dict(zip(layers, densities(spec, formation), strict=True))
    places = dict(zip(layers, existing(spec, formation), strict=True))
    likelihoods = {}
    for layer_name, array in arrays.items():
        if layer_name not in layers:
            raise unknown(f"layer of {spec.name}", layer_name, layers)
        layer = layers[layer_name]
        found = _checked(array, layer, formation, shares[layer_name])
        neurons, inputs = places[layer_name]
        likelihoods[layer_name] = found if layer.groups > 1 else found[np.ix_(neurons, inputs)]
    DISTRIBUTIONS.register(name, WeightedByLayer(name, likelihoods))
    return replace(formation, distribution=name, distribution_sha256=_sha256(arrays))


def drawn_by(spec: NetworkSpec, formation: Formation, arrays: Mapping[str, NDArray[Any]] | None) -> Formation:
    """The formation, with these arrays as the distribution that it names; as it is where there are none."""
    return formation if arrays is None else with_theta(spec, formation, arrays, formation.distribution)


def _checked(array: NDArray[Any], layer: LayerSpec, formation: Formation, share: float) -> NDArray[np.float64]:
    """The array of a layer in the shape of its units; raises UsageError where it is none."""
    what, units = f"theta of layer {layer.name}", formation.conv if layer.group == "CL" else formation.micro
    if share == 1:
        raise UsageError(f"{what} decides nothing: its density is 1, so that all exists; leave it out, or lower that")
    if units not in WeightedByLayer.acts_on:
        option = "conv" if layer.group == "CL" else "micro"
        raise UsageError(
            f"{what} decides nothing: its granularity is {units}; leave it out, or choose {option} kernel or synapse"
        )
    shape: tuple[int, ...] = GRANULARITIES.find(units)(formation).grid(replace(layer, inputs=layer.weight_shape[1]))
    try:
        found = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"{what} has type {np.asarray(array).dtype}, and must be numbers") from None
    if layer.kernel == 1 and found.shape in (layer.weight_shape[:2], layer.weight_shape):
        found = found.reshape(shape)
    if found.shape != shape:
        raise UsageError(f"{what} has shape {found.shape}, and must have {shape}: a likelihood for each {units}")
    if not np.all(np.isfinite(found)) or np.any(found < 0):
        raise UsageError(f"{what} has a likelihood that is negative or not finite")
    return found


def _sha256(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Of the layers' names, shapes and numbers, whatever the order of the layers."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype="<f8")
        found.update(f"{name} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()
