"""`sis-edge form`: what it prints and writes."""

import re
from pathlib import Path

import numpy as np
import pytest

from sis_edge.cli import run
from sis_edge.formation import SynapticGraph, form, preset
from sis_edge.registries import NETWORKS
from sis_edge.spec import nin


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def test_the_smallest_network_of_the_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["form", "--preset", "svhn-sis3"]) == 0
    text = capsys.readouterr().out
    assert "CL 54,048, MP 28,240, total 82,288 synapses: 11.66x fewer" in text
    assert max(map(len, text.splitlines())) <= 80
    graph = SynapticGraph.load(Path("graphs/svhn-sis3.npz"))
    assert graph.digest() == form(nin(), preset("svhn-sis3").formation()).digest()
    for layer in graph.layers:
        assert layer.spec.name in text
        assert f"{layer.synapse_count:,}" in text
    assert graph.digest()[:12] in text


def test_what_was_asked_for_is_in_the_file_s_name_so_that_no_graph_replaces_another() -> None:
    for words in (
        ["--preset", "cifar10-sis1"],
        ["--preset", "cifar10-sis1", "--seed", "5"],
        ["--preset", "cifar10-sis1", "--conv", "block"],
        ["--preset", "cifar10-sis1", "--conv", "block", "--block", "16"],
        ["--t-c", "0.25"],
        ["--t-c", "0.25", "--t-p", "0.5"],
        ["--t-p", "0.5", "--micro", "kernel"],
    ):
        assert run(["form", *words]) == 0
    assert len(list(Path("graphs").iterdir())) == 7


def test_a_count_that_cannot_be_reached_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["form", "--preset", "cifar10-sis1", "--conv", "block"]) == 0
    assert "cannot reach the preset's 201,522 CL synapses exactly" in capsys.readouterr().out


def test_the_shares_of_a_distribution_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["form", "--preset", "cifar10-sis1", "--distribution", "erk"]) == 0
    text = capsys.readouterr().out
    assert "CL 201,522, MP 152,128" in text
    assert "erk, seed 0" in text
    assert max(map(len, text.splitlines())) <= 80
    densities = [line.split()[6] for line in text.splitlines() if re.match(r"C\d ", line)]
    assert densities == ["100.0%", "17.6%", "32.0%"]
    assert SynapticGraph.load(Path("graphs/cifar10-sis1-erk.npz")).formation.distribution == "erk"


def test_against_another_graph(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["form", "--preset", "cifar10-sis3", "-o", "one.npz"]) == 0
    assert run(["form", "--preset", "cifar10-sis3", "--seed", "1", "-o", "two.npz", "--against", "one.npz"]) == 0
    assert "Synapses compared with one.npz" in capsys.readouterr().out
    # A file is compared with before it is replaced.
    assert run(["form", "--preset", "cifar10-sis3", "--seed", "1", "-o", "one.npz", "--against", "one.npz"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("MP1a")]
    assert rows[-1][2] != "0"


def test_nothing_is_written_where_the_other_graph_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["form", "--preset", "nin", "--against", "none.npz"]) == 2
    assert "there is no graph file none.npz" in capsys.readouterr().err
    assert not Path("graphs").exists()


def test_names_are_text_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["form", "--preset", "nin", "-o", "a[/b] :smile: [red]é.npz"]) == 0
    assert "a[/b] :smile: [red]é.npz" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "form needs --preset NAME, --network NAME, or densities"),
        (["--preset", ""], "unknown preset ''; known: nin"),
        (["--preset", "sis9"], "unknown preset 'sis9'; known: nin"),
        (["--preset", "nin", "--t-c", "0.5"], "--preset and --t-c exclude each other; leave one out"),
        (["--t-c", "0"], "--t-c is '0', and must be a number above 0 and up to 1, such as 0.25 or 25%"),
        (["--t-c", "nan"], "--t-c is 'nan', and must be a number"),
        (["--t-p", "1.5"], "--t-p is '1.5', and must be a number"),
        (["--t-c", "half"], "--t-c is 'half', and must be a number"),
        (["--t-c", "1e-300"], "leave no path through layer C1"),
        (["--preset", "nin", "--conv", "x"], "unknown granularity 'x'; known: kernel, neuron"),
        (["--preset", "nin", "--micro", ""], "unknown granularity ''; known: kernel, neuron"),
        (["--t-c", "0.5", "--distribution", "x"], "unknown distribution 'x'; known: uniform"),
        (["--preset", "nin", "--distribution", "x"], "unknown distribution 'x'; known: uniform, erk"),
        (["--t-c", "0.5", "--distribution", "centred"], "distribution centred is of granularity synapse, and nothing"),
        (["--preset", "cifar10-sis3", "--distribution", "erk"], "(conv kernel, t_c = 1; micro neuron, t_p = 0.25)"),
        (["--preset", "nin", "--seed", "-1"], "--seed is '-1', and must be 0 or more"),
        (["--preset", "nin", "--block", "0"], "--block is '0', and must be 1 or more"),
        (["--preset", "nin", "--block", "4", "--block", "0"], "--block is '0', and must be 1 or more"),
        (["--preset", "nin", "--block=0", "--block", "0x"], "--block is '0x', and must be a whole number"),
        (["--t-c", "0.3", "--conv", "nm"], "cannot keep the share 0.3"),
        (["--colour"], "No such option"),
    ],
)
def test_what_cannot_be_meant(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["form", *words]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("output", ["", "/", "file/graph.npz", "n" * 300])
def test_an_output_that_cannot_be(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    assert run(["form", "--preset", "nin", "--output", output]) == 10
    assert "cannot write" in capsys.readouterr().err


def test_a_network_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["form", "--network", "resnet20", "--classes", "100", "--t-c", "0.25"]) == 0
    text = capsys.readouterr().out
    assert "resnet20: t_c 0.25 (kernel), t_p 1 (neuron)" in text
    assert "fewer than dense resnet20" in text
    assert max(map(len, text.splitlines())) <= 80
    graph = SynapticGraph.load(Path("graphs/resnet20-tc0.25-tp1.npz"))
    assert graph.spec == NETWORKS["resnet20"](100)
    assert f"total {graph.synapse_count:,} synapses" in text
    assert abs(graph.conv_synapses / sum(layer.synapse_count for layer in graph.spec.layers[:-1]) - 0.25) < 0.001


def test_a_network_of_one_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    layers = "".join(f'[[layer]]\ntype = "conv"\nfilters = {filters}\nkernel = 3\n' for filters in (8, 8, 10))
    Path("own.toml").write_text(f"side = 16\n{layers}")
    assert run(["form", "--network", "own.toml", "--t-c", "0.5"]) == 0
    assert "own: t_c 0.5" in capsys.readouterr().out
    assert SynapticGraph.load(Path("graphs/own-tc0.5-tp1.npz")).spec.synapse_count == 9 * (3 * 8 + 8 * 8 + 8 * 10)
    assert run(["form", "--network", "own.toml", "--side", "32"]) == 2
    assert "the network own.toml has side 16, not 32; change the file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--network", "resnet2"], "unknown network 'resnet2'; did you mean resnet20?"),
        (["--network", "none.toml"], "the network none.toml cannot be read"),
        (["--preset", "nin", "--network", "nin"], "--preset and --network exclude each other"),
        (["--preset", "nin", "--classes", "7"], "--preset and --classes exclude each other"),
    ],
)
def test_a_network_that_cannot_be_meant(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["form", *words]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert not Path("graphs").exists()


def test_a_graph_of_one_s_own_becomes_a_graph_file(capsys: pytest.CaptureFixture[str]) -> None:
    formed = form(nin(), preset("svhn-sis3").formation(4))
    np.savez("mine.npz", **{layer.spec.name: layer.synapses for layer in formed.layers})
    assert run(["form", "--masks", "mine.npz"]) == 0
    assert "total 82,288 synapses" in capsys.readouterr().out
    graph = SynapticGraph.load(Path("graphs/mine.npz"))
    assert all((one.synapses == two.synapses).all() for one, two in zip(graph.layers, formed.layers, strict=True))
    assert graph.formation.distribution == "mine"


def test_masks_that_do_not_fit_or_come_with_densities(capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("mine.npz", C1=np.ones((4, 3, 5, 5), dtype=bool))
    assert run(["form", "--masks", "mine.npz"]) == 2
    assert "mine: layer C1 has shape (4, 3, 5, 5), and must have (192, 3, 5, 5)" in capsys.readouterr().err
    assert run(["form", "--masks", "mine.npz", "--t-c", "0.5"]) == 2
    assert "--masks and --t-c exclude each other" in capsys.readouterr().err
    assert not Path("graphs").exists()
