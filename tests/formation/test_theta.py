"""Theta as arrays: a likelihood for each kernel or synapse, by layer."""

from pathlib import Path

import numpy as np
import pytest

import sis_edge
from sis_edge.cli import run
from sis_edge.errors import UsageError

pytestmark = pytest.mark.usefixtures("own_distributions")


def stripes(filters: int, inputs: int) -> np.ndarray:
    """Only pairs whose numbers are both even or both odd."""
    return (np.arange(filters)[:, None] % 2 == np.arange(inputs)[None, :] % 2).astype(float)


def test_kernels_exist_where_their_likelihood_allows_it_though_neurons_are_missing() -> None:
    theta = {"C2": stripes(192, 96), "C3": stripes(192, 192)}
    graph = sis_edge.form(t_c=0.2, t_p=0.25, seed=1, theta=theta)
    uniform = sis_edge.form(t_c=0.2, t_p=0.25, seed=1)
    layers = {layer.spec.name: layer for layer in graph.layers}
    for name, likelihoods in theta.items():
        exists = layers[name].synapses.any(axis=(2, 3))
        assert exists.any()
        assert not exists[likelihoods == 0].any(), "rows and columns are those of the whole layer"
    assert layers["C1"].synapses.any(axis=(2, 3)).sum() > 0
    assert graph.conv_synapses == uniform.conv_synapses, "the counts are those of the densities"
    assert graph.formation.distribution == "own"
    assert len(str(graph.formation.distribution_sha256)) == 64


def test_a_preset_keeps_its_exact_count_and_equal_likelihoods_its_graph() -> None:
    graph = sis_edge.form("cifar10-sis1", theta={"C2": stripes(192, 96), "C3": stripes(192, 192)})
    assert graph.synapse_count == 353_650
    equal = sis_edge.form("cifar10-sis1", theta={"C2": np.full((192, 96), 0.3), "C1": np.full((192, 3), 0.3)})
    # C3 is left out, and so as likely as one of the others only where all have the same number.
    ones = sis_edge.form("cifar10-sis1", theta={"C2": np.ones((192, 96), dtype=int)})
    for layer, plain in zip(ones.layers, sis_edge.form("cifar10-sis1").layers, strict=True):
        assert (layer.synapses == plain.synapses).all()
    assert equal.formation.distribution_sha256 != ones.formation.distribution_sha256


def test_single_synapses_and_micro_networks() -> None:
    centre = np.zeros((192, 3, 5, 5))
    centre[:, :, 2, 2] = 1
    graph = sis_edge.form(t_c=0.03, conv="synapse", theta={"C1": centre})
    assert not graph.layers[0].synapses[centre == 0].any()
    micro = sis_edge.form(t_c=1, t_p=0.25, micro="kernel", theta={"MP2a": stripes(192, 192)})
    mp2a = next(layer for layer in micro.layers if layer.spec.name == "MP2a")
    assert not mp2a.synapses[:, :, 0, 0][stripes(192, 192) == 0].any()


@pytest.mark.parametrize(
    ("theta", "sentence"),
    [
        ({}, "theta has no array"),
        ({"C4": np.ones((1, 1))}, "unknown layer of nin 'C4'; known: C1, MP1a, MP1b"),
        ({"C2": np.ones((96, 192))}, r"theta of layer C2 has shape (96, 192), and must have (192, 96)"),
        ({"C2": -np.ones((192, 96))}, "theta of layer C2 has a likelihood that is negative or not finite"),
        ({"C2": [["a"]]}, "theta of layer C2 has type <U1, and must be numbers"),
        ({"MP1a": np.ones((160, 192))}, "its granularity is neuron; leave it out, or choose micro kernel or synapse"),
        (
            {"C2": np.zeros((192, 96)), "C1": np.zeros((192, 3)), "C3": np.zeros((192, 192))},
            "a likelihood above 0 to 0",
        ),
        (np.ones((192, 96)), "theta is a ndarray; give a name, a function, or arrays by the layers' names"),
    ],
)
def test_what_is_no_theta_is_said_in_a_line(theta: object, sentence: str) -> None:
    with pytest.raises(UsageError) as raised:
        sis_edge.form(t_c=0.2, t_p=0.25, theta=theta)
    assert sentence in str(raised.value)
    assert len(str(raised.value)) < 250


def test_a_layer_that_is_whole_has_nothing_to_decide() -> None:
    with pytest.raises(UsageError, match="theta of layer C2 decides nothing: its density is 1"):
        sis_edge.form(t_c=1, t_p=0.25, theta={"C2": np.ones((192, 96))})


def test_the_command_takes_a_file_and_makes_the_same_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    theta = {"C2": stripes(192, 96)}
    np.savez(tmp_path / "striped.npz", **theta)
    assert run(["form", "--t-c", "0.2", "--t-p", "0.25", "--seed", "1", "--theta", "striped.npz"]) == 0
    text = capsys.readouterr().out
    assert "striped, seed 1" in text
    assert max(map(len, text.splitlines())) <= 80
    made = sis_edge.SynapticGraph.load("graphs/tc0.2-tp0.25-striped-seed1.npz")
    same = sis_edge.form(t_c=0.2, t_p=0.25, seed=1, theta=theta)
    assert made.formation.distribution_sha256 == same.formation.distribution_sha256
    for mine, other in zip(made.layers, same.layers, strict=True):
        assert (mine.synapses == other.synapses).all()
    assert run(["form", "--t-c", "0.2", "--theta", "nothing.npz"]) == 2
    assert "there is no file nothing.npz; write one with numpy.savez, an array of likelihoods" in " ".join(
        capsys.readouterr().err.split()
    )
    assert run(["form", "--t-c", "0.2", "--theta", "striped.npz", "--distribution", "erk"]) == 2
