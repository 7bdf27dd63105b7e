"""Networks by the front door: formed, with a Theta of one's own, trained and exported."""

import hashlib
import inspect
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

import sis_edge
from sis_edge import datasets
from sis_edge.errors import DiskError, UsageError
from sis_edge.formation import PRESETS
from sis_edge.formation.distributions import Units
from sis_edge.formation.distributions.weighted import Weighted
from sis_edge.registries import DISTRIBUTIONS, NETWORKS
from sis_edge.spec import nin
from sis_edge.training.batches import normalise


@pytest.fixture
def own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions that a test registers are gone after it."""
    for part in ("_targets", "_loaded"):
        monkeypatch.setattr(DISTRIBUTIONS, part, dict(getattr(DISTRIBUTIONS, part)))
    monkeypatch.setattr(DISTRIBUTIONS, "_registered", set())


def test_a_paper_s_network_has_its_count_and_the_units_asked_for() -> None:
    graph = sis_edge.form("svhn-sis3", seed=3)
    assert graph.synapse_count == PRESETS["svhn-sis3"].synapses == 82_288
    assert (graph.formation.seed, graph.formation.conv) == (3, "kernel")
    assert sis_edge.form("nin").synapse_count == 959_104
    assert sis_edge.form("cifar10-sis1", conv="block", block=16).formation.units == "block:16"
    assert sis_edge.form(t_p=0.5).formation.t_c == 1
    assert sis_edge.form(t_c=0.5, classes=4).spec.classes == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "form needs a network, such as cifar10-sis1 or resnet20, or t_c and t_p"),
        ({"name": "nin", "t_c": 0.5}, "nin has its own t_c and t_p"),
        ({"name": "nix"}, "unknown network 'nix'; did you mean nin?"),
        ({"name": "resnet20", "input_shape": (3, 32, 32)}, "input_shape is for a torch module"),
        ({"name": nin(), "classes": 7}, "classes and side are for networks by name"),
        ({"name": replace(nin(), side=16)}, "layer C1: map_side is 32, but what it reads gives 16"),
        ({"name": 3}, "a int is not a network; give a name, a TOML file, a NetworkSpec or a torch.nn.Module"),
        ({"name": nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU())}, "1 (GELU) is of a kind that no layer has"),
        ({"t_c": 0}, "t_c = 0"),
        ({"t_c": 1.5}, "t_c = 1.5"),
        ({"t_c": 0.5, "conv": "kernal"}, "unknown granularity 'kernal'; did you mean kernel?"),
        ({"t_c": 0.5, "theta": "erl"}, "unknown distribution 'erl'; did you mean erk?"),
        ({"t_c": 0.5, "theta": lambda shape: np.ones(shape)}, "which has no name; define it with `def`"),
    ],
)
def test_what_cannot_be_formed(arguments: dict, sentence: str) -> None:
    with pytest.raises(UsageError) as raised:
        sis_edge.form(**arguments)
    assert sentence in str(raised.value)


def test_networks_beside_the_paper_s_are_formed_alike(tmp_path: Path) -> None:
    """By name, as layers, from a file and from a torch module: the same seed gives the same graph."""
    layers = [nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    module = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 5))
    path = tmp_path / "small.toml"
    path.write_text(
        'name = "Sequential"\nside = 16\n[[layer]]\ntype = "conv"\nname = "0"\nfilters = 8\nkernel = 3\n'
        '[[layer]]\ntype = "pool"\npooling = "global"\n[[layer]]\ntype = "linear"\nname = "5"\nfilters = 5\n'
    )
    read = sis_edge.form(module, t_c=0.5, seed=1, input_shape=(3, 16, 16))
    assert read.digest() == sis_edge.form(str(path), t_c=0.5, seed=1).digest()
    assert read.digest() == sis_edge.form(read.spec, t_c=0.5, seed=1).digest()
    assert read.synapse_count == 4 * 3 * 9 + 8 * 5
    assert sis_edge.read_module(module, (3, 16, 16)).formed == read.spec
    assert sis_edge.form("resnet20", t_c=0.25, classes=7, side=64).spec == NETWORKS["resnet20"](7, 64)


@pytest.mark.usefixtures("own_names")
def test_theta_as_a_function(tmp_path: Path) -> None:
    def half(shape: tuple[int, ...]) -> np.ndarray:
        """Nothing from the second half of the inputs."""
        likelihoods = np.ones(shape)
        likelihoods[:, shape[1] // 2 :] = 0
        return likelihoods

    graph = sis_edge.form(t_c=0.25, t_p=1, theta=half)
    for layer in graph.layers[1:]:
        if layer.spec.group == "CL":
            assert not layer.synapses[:, layer.spec.inputs // 2 :].any()
            assert layer.synapses.any()
    uniform = sis_edge.form(t_c=0.25, t_p=1)
    assert graph.synapse_count == uniform.synapse_count
    assert graph.formation.distribution == "half"
    assert sis_edge.form(t_c=0.25, t_p=1, theta=half).digest() == graph.digest()

    text = textwrap.dedent(inspect.getsource(half))
    assert graph.formation.distribution_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert "distribution_sha256" not in uniform.formation.as_dict(), "cache keys and files of before stay as they are"

    graph.save(tmp_path / "half.npz")
    assert sis_edge.SynapticGraph.load(tmp_path / "half.npz").formation == graph.formation
    del DISTRIBUTIONS._targets["half"], DISTRIBUTIONS._loaded["half"]
    assert sis_edge.SynapticGraph.load(tmp_path / "half.npz").digest() == graph.digest(), "a file needs no function"


@pytest.mark.usefixtures("own_names")
@pytest.mark.parametrize("conv", ["kernel", "block", "synapse"])
def test_equal_likelihoods_give_the_uniform_graph(conv: str) -> None:
    def equal(shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, 0.3)

    graph = sis_edge.form(t_c=0.2, conv=conv, seed=5, theta=equal)
    for layer, uniform in zip(graph.layers, sis_edge.form(t_c=0.2, conv=conv, seed=5).layers, strict=True):
        assert (layer.synapses == uniform.synapses).all()


def test_units_are_drawn_in_proportion_to_their_likelihood() -> None:
    def law(shape: tuple[int, ...]) -> np.ndarray:
        return np.where(np.arange(shape[0] * shape[1]).reshape(shape) % 2, 3.0, 1.0)

    numbers = np.random.default_rng(0)
    keys = numbers.integers(0, 2**64, (200, 200), dtype=np.uint64)
    (chosen,) = Weighted("law", law).choose([Units(keys, 400.0)], 400)
    odd = chosen.ravel()[1::2].sum()
    assert chosen.sum() == 400
    assert abs(odd / 400 - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 400)


@pytest.mark.usefixtures("own_names")
@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (lambda shape: np.ones(3), "gives shape (3,) for units of shape"),
        (lambda shape: -np.ones(shape), "negative or not finite"),
        (lambda shape: np.full(shape, np.nan), "negative or not finite"),
        (lambda shape: np.zeros(shape), "gives a likelihood above 0 to 0 units"),
    ],
)
def test_a_function_that_gives_no_likelihoods(result, sentence: str) -> None:
    def odd(shape: tuple[int, ...]) -> np.ndarray:
        return result(shape)

    with pytest.raises(UsageError) as raised:
        sis_edge.form(t_c=0.25, theta=odd)
    assert "distribution odd" in str(raised.value)
    assert sentence in str(raised.value)


def test_a_function_cannot_take_the_name_of_a_distribution() -> None:
    def uniform(shape: tuple[int, ...]) -> np.ndarray:
        return np.ones(shape)

    with pytest.raises(UsageError, match="distribution 'uniform' exists already"):
        sis_edge.form(t_c=0.25, theta=uniform)


@pytest.fixture(scope="module")
def graph() -> sis_edge.SynapticGraph:
    return sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron")


def test_a_finished_training_is_not_done_again(graph: sis_edge.SynapticGraph, tmp_path: Path) -> None:
    steps: list[tuple[int, int, float]] = []
    words = {"epochs": 1, "limit": 64, "precision": "fp32", "folder": tmp_path}
    first = sis_edge.train(graph, "digits", progress=lambda *step: steps.append(step), **words)
    assert steps[-1][0] == steps[-1][1] == len(steps)
    assert repr(first) == (
        f"TrainedNetwork({graph.synapse_count:,} synapses, digits, 1 epoch, "
        f"accuracy {first.accuracy:.4f} on 500 test images)"
    )
    before = len(steps)
    second = sis_edge.train(graph, "digits", progress=lambda *step: steps.append(step), **words)
    assert len(steps) == before
    assert second.weights_sha256 == first.weights_sha256
    assert sis_edge.train(graph, "digits", seed=1, **words).weights_sha256 != first.weights_sha256


def of_digits() -> nn.Sequential:
    """A module that somebody trained, for digits."""
    torch.manual_seed(3)
    parts = [nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(8, 10)).eval()


def test_a_training_starts_with_a_module_s_weights(tmp_path: Path) -> None:
    module = of_digits()
    dense, sparse = sis_edge.form(module, t_c=1), sis_edge.form(module, t_c=0.5)
    as_it_is = sis_edge.train(dense, "digits", start=module, epochs=0)
    data = as_it_is.dataset
    inputs = normalise(torch.from_numpy(data.test.images.copy()), data)
    with torch.no_grad():
        right = module(inputs).argmax(dim=1) == torch.from_numpy(data.test.labels)
    assert as_it_is.accuracy == pytest.approx(right.double().mean().item())
    assert (as_it_is.epochs, as_it_is.recipe) == (None, "weights as given")

    words = {"epochs": 1, "limit": 64, "precision": "fp32", "folder": tmp_path}
    before = {name: value.clone() for name, value in module.state_dict().items()}
    first = sis_edge.train(sparse, "digits", start=module, **words)
    assert first.recipe.endswith(", from weights that were given")
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert first.weights_sha256 != sis_edge.train(sparse, "digits", **words).weights_sha256
    with torch.no_grad():
        module[0].weight.mul_(-1)
    other = sis_edge.train(sparse, "digits", start=module, **words)
    assert other.weights_sha256 != first.weights_sha256, "a finished training of other weights is another one"


def test_weights_that_a_training_cannot_start_with() -> None:
    with pytest.raises(UsageError, match="epochs=0 trains nothing; give a module with weights as start"):
        sis_edge.train(sis_edge.form(of_digits()), "digits", epochs=0)
    with pytest.raises(UsageError, match="was not formed of this module"):
        sis_edge.train(sis_edge.form("resnet20", t_c=0.5), "digits", start=of_digits(), epochs=1)


def test_a_module_gets_images_in_its_own_normalisation() -> None:
    digits = datasets.load("digits")
    own = digits.normalised_by((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    pixels = torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)
    assert normalise(pixels, own).flatten().tolist() == pytest.approx([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225])
    assert own.sha256 not in (digits.sha256, digits.normalised_by((0.5,) * 3, (0.5,) * 3).sha256)
    module = of_digits()
    graph = sis_edge.form(module)
    by_own, by_digits = (sis_edge.train(graph, data, start=module, epochs=0) for data in (own, digits))
    assert by_own.weights_sha256 == by_digits.weights_sha256
    for mean, std in (((0.5, 0.5), (1.0, 1.0, 1.0)), ((0.5,) * 3, (1.0, 0.0, 1.0)), ((np.nan,) * 3, (1.0,) * 3)):
        with pytest.raises(UsageError, match="are not three numbers each"):
            digits.normalised_by(mean, std)  # type: ignore[arg-type]


def test_a_graph_with_other_outputs_than_the_data_has_classes() -> None:
    with pytest.raises(UsageError, match="the network has 4 outputs, digits has 10 classes"):
        sis_edge.train(sis_edge.form(t_c=0.1, classes=4), "digits")


def test_an_exported_network_gives_its_logits(graph: sis_edge.SynapticGraph, tmp_path: Path) -> None:
    network = sis_edge.train(graph, "digits", epochs=1, limit=64, precision="fp32")
    exported = sis_edge.export(network, tmp_path / "new/small.onnx")
    assert (exported.path, exported.parity.top1_agreement) == (tmp_path / "new/small.onnx", 1.0)
    session = onnxruntime.InferenceSession(str(exported.path), providers=["CPUExecutionProvider"])
    data = network.dataset
    pixels = data.test.images.astype(np.float32) / 255
    inputs = (pixels - np.array(data.mean)[:, None, None]) / np.array(data.std)[:, None, None]
    (logits,) = session.run(["logits"], {"input": inputs.astype(np.float32)})
    assert (logits.argmax(1) == data.test.labels).mean() == pytest.approx(network.accuracy, abs=0.005)
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match=f"cannot write {tmp_path / 'file'}"):
        sis_edge.export(network, tmp_path / "file/small.onnx")
