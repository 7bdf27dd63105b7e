"""Graphs of the user's own: one bool array for each layer, in a dict or in a plain `.npz` that numpy alone writes.

    <layer>             bool [filters, inputs / groups, kernel, kernel]: which synapses exist
    <layer>.neurons     bool [filters]: which neurons exist; else those with a synapse on either side, and classes

Nothing is packed: `numpy.savez("mine.npz", C1=..., MP1a=...)` makes such a file, `numpy.load` reads one.
"""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sis_edge.errors import UsageError
from sis_edge.files.archives import DAMAGED
from sis_edge.files.disk import writing
from sis_edge.formation.compaction import live_neurons
from sis_edge.formation.formation import Formation
from sis_edge.formation.graph import LayerGraph, Mask, SynapticGraph, reason
from sis_edge.spec import Group, LayerSpec, NetworkSpec

NEURONS = ".neurons"


def from_masks(
    spec: NetworkSpec, masks: Mapping[str, NDArray[Any]], neurons: Mapping[str, NDArray[Any]], name: str
) -> SynapticGraph:
    """The graph with these synapses of `spec`; `name` is recorded as its distribution, its densities as t_c and t_p.

    Raises UsageError for a missing or unknown layer, another shape or type, a synapse of a neuron that does not exist,
    and a layer that no path from the image to a class goes through.
    """
    known = [layer.name for layer in spec.layers]
    for given in (*masks, *neurons):
        if given not in known:
            raise UsageError(f"{name} has an array for {given}, and {spec.name} has the layers {', '.join(known)}")
    synapses: dict[str, Mask] = {}
    for layer in spec.layers:
        if layer.name not in masks:
            raise UsageError(f"{name} lacks layer {layer.name}; give a bool array of shape {layer.weight_shape}")
        synapses[layer.name] = _checked(masks[layer.name], layer.weight_shape, f"{name}: layer {layer.name}")
    exist = derived(spec, synapses)
    for layer in spec.layers:
        if layer.name in neurons:
            what = f"{name}: the neurons of layer {layer.name}"
            exist[layer.name] = _checked(neurons[layer.name], (layer.filters,), what)
    _check_ends(spec, synapses, exist, name)
    layers = tuple(LayerGraph(layer, exist[layer.name], synapses[layer.name]) for layer in spec.layers)
    graph = SynapticGraph(spec, _formation(layers, name), layers)
    for found, alive in zip(layers, live_neurons(graph), strict=True):
        if not (alive.any() and found.synapses.any()):
            raise UsageError(
                f"{name}: no path from the image to a class goes through layer {found.spec.name}; add synapses"
            )
    return graph


def derived(spec: NetworkSpec, synapses: Mapping[str, Mask]) -> dict[str, Mask]:
    """The neurons of each layer as far as synapses say: those with a synapse on either side, and every class.

    A neuron that only an addition feeds has none of its own.
    """
    exist: dict[str, Mask] = {}
    for layer, before, emitted in _flow(spec, exist):
        silent = _heard(layer, synapses[layer.name]) & ~emitted
        if before is not None:
            exist[before] |= silent
        own = np.asarray(synapses[layer.name].any(axis=(1, 2, 3)))
        exist[layer.name] = own | layer.is_class_layer
    return exist


def save_masks(graph: SynapticGraph, path: Path) -> None:
    """Write a graph as plain arrays; neurons are written where the synapses do not say them. Raises DiskError."""
    arrays: dict[str, Any] = {}
    said = derived(graph.spec, {layer.spec.name: layer.synapses for layer in graph.layers})
    for layer in graph.layers:
        arrays[layer.spec.name] = layer.synapses
        if not np.array_equal(layer.neurons, said[layer.spec.name]):
            arrays[layer.spec.name + NEURONS] = layer.neurons
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)


def load_masks(path: Path, spec: NetworkSpec) -> SynapticGraph:
    """Read plain arrays; the graph has the file's name. Raises UsageError as `from_masks`, and for other files."""
    arrays = load_arrays(path, "a bool array for each layer")
    if "header" in arrays:
        raise UsageError(f"{path} is a graph file already; use it as it is, such as in `sis-edge build --networks`")
    neurons = {name.removesuffix(NEURONS): array for name, array in arrays.items() if name.endswith(NEURONS)}
    masks = {name: array for name, array in arrays.items() if not name.endswith(NEURONS)}
    return from_masks(spec, masks, neurons, path.stem)


def load_arrays(path: Path, what: str) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` that has `what`; raises UsageError for other files."""
    try:
        with path.open("rb") as source:
            if not zipfile.is_zipfile(source):
                raise UsageError(f"{path} is not an .npz file; write one with numpy.savez, {what}")
            source.seek(0)
            with np.load(source, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}; write one with numpy.savez, {what}") from None
    except (OSError, *DAMAGED) as error:
        raise UsageError(f"{path} cannot be read ({reason(path, error)}); write it again with numpy.savez") from error


def _checked(array: NDArray[Any], shape: tuple[int, ...], what: str) -> Mask:
    found = np.asarray(array)
    if found.dtype != np.bool_:
        raise UsageError(f"{what} has type {found.dtype}, and must be bool; convert it with `array != 0`")
    if found.shape != shape:
        raise UsageError(f"{what} has shape {found.shape}, and must have {shape}")
    return np.ascontiguousarray(found)


def _heard(layer: LayerSpec, synapses: Mask) -> Mask:
    """Which channels of its source a layer has synapses from: bool [inputs]."""
    parts = synapses.any(axis=(2, 3)).reshape(layer.groups, -1, layer.inputs // layer.groups)
    return np.asarray(parts.any(axis=1).ravel())


def _flow(spec: NetworkSpec, exist: Mapping[str, Mask]) -> Iterator[tuple[LayerSpec, str | None, Mask]]:
    """Each layer, the one that it reads (None: the image), and which of that one's channels something feeds.

    `exist` may be filled while this goes on: a layer is asked for after it was given.
    """

    def emitted(name: str | None) -> Mask:
        if name is None:
            return np.ones(spec.channels, dtype=np.bool_)
        own, added = exist[name].copy(), by_name[name].adds
        if added is not None:
            others = emitted(added)[: own.size]
            own[: others.size] |= others
        return own

    by_name = {layer.name: layer for layer in spec.layers}
    before = None
    for layer in spec.layers:
        source = layer.source or before
        yield layer, source, emitted(source)
        before = layer.name


def _check_ends(spec: NetworkSpec, synapses: Mapping[str, Mask], exist: Mapping[str, Mask], name: str) -> None:
    """Raises UsageError for a synapse from or to a neuron that does not exist."""
    for layer, _, emitted in _flow(spec, exist):
        own = synapses[layer.name]
        if (lost := np.asarray(own.any(axis=(1, 2, 3)) & ~exist[layer.name])).any():
            raise UsageError(f"{name}: layer {layer.name} has synapses to neuron {lost.argmax()}, which does not exist")
        if (lost := np.asarray(_heard(layer, own) & ~emitted)).any():
            raise UsageError(
                f"{name}: layer {layer.name} has synapses from input {lost.argmax()}, which does not exist"
            )


def _formation(layers: Sequence[LayerGraph], name: str) -> Formation:
    """What is known of how the graph was formed: its densities, and whether kernels exist whole."""

    def density(group: Group) -> float:
        own = [layer for layer in layers if layer.spec.group == group]
        every = sum(layer.spec.synapse_count for layer in own)
        # A group without a synapse is refused later, in a sentence about its layer.
        return max(sum(layer.synapse_count for layer in own), 1) / every if every else 1.0

    def unit(group: Group) -> str:
        whole = all(
            np.array_equal(layer.synapses.all(axis=(2, 3)), layer.synapses.any(axis=(2, 3)))
            for layer in layers
            if layer.spec.group == group
        )
        return "kernel" if whole else "synapse"

    return Formation(t_c=density("CL"), t_p=density("MP"), conv=unit("CL"), micro=unit("MP"), distribution=name)
