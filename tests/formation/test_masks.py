"""Graphs of one's own: plain arrays in and out, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sis_edge.errors import UsageError
from sis_edge.formation import Formation, SynapticGraph, form
from sis_edge.spec import LayerSpec, NetworkSpec

SMALL = NetworkSpec(
    "small",
    channels=3,
    side=8,
    layers=(
        LayerSpec("A", "CL", 3, 8, 3, 8, 2),
        LayerSpec("B", "MP", 8, 6, 1, 4),
        LayerSpec("C", "MP", 6, 4, 1, 4, is_class_layer=True),
    ),
)
BRANCHED = NetworkSpec(
    "branched",
    channels=3,
    side=8,
    layers=(
        LayerSpec("A", "CL", 3, 4, 3, 8),
        LayerSpec("D", "CL", 4, 4, 3, 8, groups=4),
        LayerSpec("E", "CL", 4, 4, 1, 8, adds="A"),
        LayerSpec("F", "MP", 4, 2, 1, 8, is_class_layer=True, global_pool=True),
    ),
)


def ones(spec: NetworkSpec = SMALL) -> dict[str, np.ndarray]:
    return {layer.name: np.ones(layer.weight_shape, dtype=bool) for layer in spec.layers}


@pytest.mark.parametrize(("conv", "micro"), [("kernel", "neuron"), ("synapse", "neuron"), ("neuron", "kernel")])
def test_a_graph_comes_back_from_plain_arrays(conv: str, micro: str, tmp_path: Path) -> None:
    graph = form(SMALL, Formation(t_c=0.5, t_p=0.7, conv=conv, micro=micro, seed=3))
    graph.save_masks(tmp_path / "new/mine.npz")
    again = SynapticGraph.load_masks(tmp_path / "new/mine.npz", SMALL)
    assert again.digest() == graph.digest()
    assert again.formation.distribution == "mine"
    assert again.formation.conv == ("synapse" if conv == "synapse" else "kernel")
    assert again.formation.t_c == pytest.approx(graph.conv_synapses / 216)
    again.save(tmp_path / "graph.npz")
    assert SynapticGraph.load(tmp_path / "graph.npz").formation == again.formation


def test_numpy_alone_writes_a_graph_and_reads_it_back(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    written = {
        "A": numbers.random((8, 3, 3, 3)) < 0.5,
        "B": numbers.random((6, 8, 1, 1)) < 0.5,
        "C": np.ones((4, 6, 1, 1), dtype=bool),
    }
    np.savez(tmp_path / "mine.npz", **written)
    graph = SynapticGraph.load_masks(tmp_path / "mine.npz", SMALL)
    graph.save_masks(tmp_path / "back.npz")
    with np.load(tmp_path / "back.npz") as back:
        assert set(back.files) == set(written)
        assert all((back[name] == written[name]).all() for name in written)
    assert graph.digest() == SynapticGraph.from_masks(SMALL, written).digest()
    assert graph.synapse_count == sum(mask.sum() for mask in written.values())


def test_neurons_are_those_with_a_synapse_on_either_side_and_the_classes(tmp_path: Path) -> None:
    masks = ones()
    masks["A"][4:6] = masks["B"][:, 5] = masks["C"][2] = False
    graph = SynapticGraph.from_masks(SMALL, masks)
    assert np.flatnonzero(~graph.layers[0].neurons).tolist() == [5], "neuron 4 is silent, and heard"
    assert graph.layers[2].neurons.all()
    given = SynapticGraph.from_masks(SMALL, masks, neurons={"A": np.ones(8, dtype=bool)})
    assert given.layers[0].neurons.all()
    assert given.digest() != graph.digest()
    given.save_masks(tmp_path / "own.npz")
    assert SynapticGraph.load_masks(tmp_path / "own.npz", SMALL).digest() == given.digest()


def test_a_neuron_that_an_addition_feeds_may_be_read() -> None:
    masks, neurons = ones(BRANCHED), {"E": np.array([True, False, True, True])}
    masks["E"][1] = False
    assert SynapticGraph.from_masks(BRANCHED, masks).layers[2].neurons.tolist() == [True, False, True, True]
    assert SynapticGraph.from_masks(BRANCHED, masks, neurons=neurons).synapse_count
    masks["A"][1] = masks["D"][1] = masks["E"][:, 1] = False
    assert SynapticGraph.from_masks(BRANCHED, masks).layers[2].neurons.all(), "only a synapse to F says so"
    with pytest.raises(UsageError, match="own: layer F has synapses from input 1, which does not exist"):
        SynapticGraph.from_masks(BRANCHED, masks, neurons=neurons)


def without(name: str, index: tuple[int, ...] | slice) -> dict[str, np.ndarray]:
    masks = ones()
    masks[name][index] = False
    return masks


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        ({"A": ones()["A"]}, r"own lacks layer B; give a bool array of shape \(6, 8, 1, 1\)"),
        ({**ones(), "Z": ones()["A"]}, "own has an array for Z, and small has the layers A, B, C"),
        ({**ones(), "B": ones()["B"].astype(np.uint8)}, "own: layer B has type uint8, and must be bool"),
        ({**ones(), "B": ones()["B"][:5]}, r"layer B has shape \(5, 8, 1, 1\), and must have \(6, 8, 1, 1\)"),
        ({**ones(), "B": ones()["B"].transpose(1, 0, 2, 3)}, r"layer B has shape \(8, 6, 1, 1\), and must have"),
        (without("C", slice(None)), "no path from the image to a class goes through layer"),
    ],
)
def test_arrays_that_do_not_fit(masks: dict[str, np.ndarray], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        SynapticGraph.from_masks(SMALL, masks)


def test_a_layer_that_lives_by_what_it_adds_only_is_refused() -> None:
    spec = replace(BRANCHED, layers=tuple(layer for layer in BRANCHED.layers if layer.name != "D"))
    masks = ones(spec)
    masks["E"][:] = False
    with pytest.raises(UsageError, match="own: no path from the image to a class goes through layer E; add synapses"):
        SynapticGraph.from_masks(spec, masks)


def test_neurons_that_do_not_fit() -> None:
    few = np.ones(8, dtype=bool)
    few[2] = False
    with pytest.raises(UsageError, match="own: layer A has synapses to neuron 2, which does not exist"):
        SynapticGraph.from_masks(SMALL, ones(), neurons={"A": few})

    masks = ones()
    masks["A"][2] = False
    with pytest.raises(UsageError, match="own: layer B has synapses from input 2, which does not exist"):
        SynapticGraph.from_masks(SMALL, masks, neurons={"A": few})


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        SynapticGraph.load_masks(tmp_path / "none.npz", SMALL)
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(UsageError, match=r"text.npz is not an .npz file"):
        SynapticGraph.load_masks(tmp_path / "text.npz", SMALL)
    np.savez(tmp_path / "objects.npz", A=np.array([{}], dtype=object))
    with pytest.raises(UsageError, match=r"objects.npz cannot be read"):
        SynapticGraph.load_masks(tmp_path / "objects.npz", SMALL)
    SynapticGraph.from_masks(SMALL, ones()).save(tmp_path / "graph.npz")
    with pytest.raises(UsageError, match="is a graph file already"):
        SynapticGraph.load_masks(tmp_path / "graph.npz", SMALL)
