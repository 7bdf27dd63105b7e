"""A network beside the paper's in a build: for the data set's images and classes, dense and SiS, to a bundle."""

import inspect
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_build import plan_in

from sis_edge import datasets
from sis_edge.build import own_network, pipeline
from sis_edge.build.plan import BuildPlan
from sis_edge.cli import run
from sis_edge.cli.build import build
from sis_edge.errors import UsageError
from sis_edge.formation import SynapticGraph
from sis_edge.profiles import load
from sis_edge.registries import NETWORKS

SMALL = """\
side = 32
[[layer]]
type = "conv"
filters = 16
kernel = 3
[[layer]]
type = "pool"
size = 4
[[layer]]
type = "conv"
filters = 10
kernel = 1
"""


def written(folder: Path, text: str = SMALL) -> str:
    path = folder / "small.toml"
    path.write_text(text)
    return str(path)


def planned(folder: Path, network: str, t_c: float, t_p: float) -> BuildPlan:
    profile = load("local")
    profile = profile.model_copy(update={"networks": profile.networks.model_copy(update={"conv": "kernel"})})
    digits = datasets.load("digits")
    chosen = own_network.choose(profile, digits, network, t_c, t_p)
    return replace(plan_in(folder), networks=chosen.networks, reference=chosen.reference, data=digits)


@pytest.mark.slow
def test_a_network_from_a_file_becomes_a_bundle(tmp_path: Path) -> None:
    result = pipeline.build(planned(tmp_path / "build", written(tmp_path), 0.5, 0.5))
    manifest = result.bundle.manifest
    assert [entry.name for entry in manifest.networks] == ["small", "small-tc0.5-tp0.5"]
    assert manifest.reference == "small"
    dense, sparse = manifest.networks
    assert (dense.synapses, dense.preset, dense.architectural_efficiency) == (3 * 16 * 9 + 16 * 10, None, 1)
    assert sparse.synapses < 0.7 * dense.synapses
    graph = SynapticGraph.load(result.bundle.path / sparse.graph)
    assert [layer.name for layer in graph.spec.layers] == ["conv1", "conv2"]
    assert {entry.parity.top1_agreement for entry in manifest.networks} == {1.0}


def test_a_network_by_name_is_for_the_data_set_s_classes_and_images() -> None:
    digits = datasets.load("digits")
    profile = load("local")
    chosen = own_network.choose(profile, digits, "resnet20", 0.25, 1)
    assert [network.name for network in chosen.networks] == ["resnet20", "resnet20-tc0.25-tp1"]
    assert chosen.reference == "resnet20"
    for network in chosen.networks:
        assert network.graph.spec == NETWORKS["resnet20"](len(digits.classes), digits.test.images.shape[-1])
    assert chosen.networks[1].graph.formation.conv == profile.networks.conv
    (dense,) = own_network.choose(profile, digits, "resnet20", 1, 1).networks
    assert dense.graph.synapse_count == dense.graph.spec.synapse_count


@pytest.mark.parametrize("network", ["nin", "nin-half", "resnet20", "mobilenet-small"])
def test_the_usual_densities_leave_a_sixth_to_a_quarter_of_the_synapses(network: str) -> None:
    usual = (inspect.signature(build).parameters[name].default for name in ("t_c", "t_p"))
    dense, sparse = own_network.choose(load("local"), datasets.load("digits"), network, *map(float, usual)).networks
    assert 3.5 < dense.graph.synapse_count / sparse.graph.synapse_count < 6


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "side = 32",
            "side = 16",
            "small takes images of 16 x 16, digits has 32 x 32; resize your own with --resize 16",
        ),
        ("side = 32", "side = 32\nchannels = 1", "small takes images of 1 channels, those of digits have 3"),
        ("filters = 10", "filters = 7", "small has 7 outputs, digits has 10 classes"),
    ],
)
def test_a_network_that_does_not_fit_the_data_set_is_refused(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    plan = planned(tmp_path / "build", written(tmp_path, SMALL.replace(old, new)), 1, 1)
    with pytest.raises(UsageError, match=sentence):
        pipeline.build(plan)
    assert not plan.target.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--network", "resnet20", "--networks", "nin"], "--network and --networks exclude each other"),
        (["--t-c", "0.5"], "--t-c needs --network"),
        (["--network", "resnet20", "--t-c", "2"], "--t-c is '2', and must be a number above 0 and up to 1"),
        (["--network", "resnet", "--dataset", "digits"], "unknown network 'resnet'; did you mean resnet20?"),
    ],
)
def test_what_cannot_be_meant(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", "--profile", "local", *words]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
