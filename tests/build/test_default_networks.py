"""A build that names no networks takes what the zoo has for the board, and says what it leaves out."""

from pathlib import Path

import pytest
from tiny_bundle import tiny_bundle

from sis_edge.build import pipeline
from sis_edge.build.default_networks import DefaultNetworks, choose
from sis_edge.build.pipeline import BuildPlan, BuildResult, OnStep, formation_for
from sis_edge.cli import run
from sis_edge.formation import form
from sis_edge.profiles import load
from sis_edge.spec import nin
from sis_edge.zoo import ZooEntry

ALL = ("nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3")
ORIN, NANO = "jetson-orin-nano", "jetson-nano"


def entry(preset: str, profile: str, dataset: str = "cifar10") -> ZooEntry:
    """What the zoo says of a preset's network in a board's granularities."""
    graph = form(nin(), formation_for(preset, load(profile).networks))
    fields = {
        "zoo_version": 1,
        "name": f"{preset}-{profile}",
        "preset": preset,
        "granularity": "of the board",
        "distribution": "uniform",
        "recipe_words": "",
        "weights_sha256": "0" * 64,
        "graph_sha256": graph.digest(),
        "dataset_sha256": "0" * 64,
    }
    numbers = {"t_c": 1, "t_p": 1, "graph_seed": 0, "synapses": 1, "macs": 1, "seed": 0, "train_images": 1}
    return ZooEntry.model_validate(
        {
            **fields,
            **numbers,
            "dataset": dataset,
            "recipe": {"epochs": 1},
            "accuracy": 0.9,
            "test_images": 1,
            "packages": {},
        }
    )


def fill(monkeypatch: pytest.MonkeyPatch, *entries: ZooEntry) -> None:
    monkeypatch.setattr("sis_edge.zoo.entry.entries", lambda folder=None: list(entries))


@pytest.mark.parametrize(
    ("there", "networks", "left_out"),
    [
        ((), ALL, ()),
        (("nin",), ("nin",), ALL[1:]),
        (("nin", "cifar10-sis2"), ("nin", "cifar10-sis2"), ("cifar10-sis1", "cifar10-sis3")),
        (ALL, ALL, ()),
        (("cifar10-sis2",), ALL, ()),  # without the dense network there is nothing to measure against
    ],
)
def test_what_the_zoo_has(
    there: tuple[str, ...], networks: tuple[str, ...], left_out: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(monkeypatch, *(entry(name, ORIN) for name in there))
    assert choose(load(ORIN), "cifar10", trains=False) == DefaultNetworks(networks, left_out)
    assert choose(load(ORIN), "cifar10", trains=True) == DefaultNetworks(ALL)
    assert choose(load(ORIN), "digits", trains=False) == DefaultNetworks(ALL), "trained on another data set"


def test_the_very_graph_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dense NiN and SiS#3, whose convolutions are whole, are the same for every board; 2:4 is not whole filters."""
    fill(monkeypatch, *(entry(name, ORIN) for name in ALL))
    assert choose(load(NANO), "cifar10", trains=False).networks == ("nin", "cifar10-sis3")


def test_svhn_has_networks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch)
    assert choose(load(NANO), "svhn", trains=False).networks == ("nin", "svhn-sis1", "svhn-sis2", "svhn-sis3")


def test_fashion_mnist_has_the_smallest_network(monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch, *(entry(name, "x86-64", "fashion_mnist") for name in ("nin", "svhn-sis3")))
    both = ("nin", "svhn-sis3")
    assert choose(load("x86-64"), "fashion_mnist", trains=False) == DefaultNetworks(both)
    assert choose(load("x86-64"), "fashion_mnist", trains=True) == DefaultNetworks(both)
    assert choose(load(NANO), "fashion_mnist", trains=False) == DefaultNetworks(both[:1], both[1:])


@pytest.mark.parametrize(
    ("words", "networks", "says"),
    [
        ([], ("nin", "cifar10-sis2"), True),
        (["--from-zoo"], ("nin", "cifar10-sis2"), True),
        (["--train"], ALL, False),
        (["--epochs", "3"], ALL, False),
        (["--seed", "1"], ALL, False),
        (["--networks", "nin, cifar10-sis1"], ("nin", "cifar10-sis1"), False),
    ],
)
def test_the_command(
    words: list[str],
    networks: tuple[str, ...],
    says: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(monkeypatch, entry("nin", ORIN), entry("cifar10-sis2", ORIN))
    bundle = tiny_bundle(tmp_path / "bundle")
    plans = []

    def build(plan: BuildPlan, on_step: OnStep) -> BuildResult:
        plans.append(plan)
        return BuildResult(bundle, was_done=True)

    monkeypatch.setattr(pipeline, "build", build)
    assert run(["build", "--profile", ORIN, *words]) == 0
    assert [plan.networks for plan in plans] == [networks]
    said = capsys.readouterr().out
    assert ("does not have them for this board (granularity nm, cifar10): cifar10-sis1, cifar10-sis3" in said) == says
    assert ("--train trains all networks here" in said) == says
