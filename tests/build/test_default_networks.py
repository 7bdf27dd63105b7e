"""A build that names no networks takes what the zoo has for the board, and says what it leaves out."""

from pathlib import Path

import pytest
from tiny_bundle import tiny_bundle

from sis_edge.build import pipeline
from sis_edge.build.default_networks import DefaultNetworks, choose
from sis_edge.build.networks import formation_for
from sis_edge.build.pipeline import BuildResult
from sis_edge.build.plan import BuildPlan, OnStep
from sis_edge.cli import run
from sis_edge.formation import form
from sis_edge.profiles import load, names
from sis_edge.spec import nin
from sis_edge.zoo import ZooEntry

ALL = ("nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3")
ON_ORIN = ("nin", "cifar10-sis1-nm", "cifar10-sis2-nm", "cifar10-sis3")
ORIN, NANO = "jetson-orin-nano", "jetson-nano"


def entry(preset: str, profile: str, dataset: str = "cifar10", *, by_shares: bool = False) -> ZooEntry:
    """What the zoo says of a preset's network in a board's granularities."""
    graph = form(nin(), formation_for(preset, load(profile).networks, by_shares=by_shares))
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


def named(profile: str, dataset: str, *, trains: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of what is built, and of what is left out."""
    chosen = choose(load(profile), dataset, trains=trains)
    return tuple(network.name for network in chosen.networks), chosen.left_out


def fill(monkeypatch: pytest.MonkeyPatch, *entries: ZooEntry) -> None:
    monkeypatch.setattr("sis_edge.zoo.entry.entries", lambda folder=None: list(entries))


@pytest.mark.parametrize(
    ("there", "networks", "left_out"),
    [
        ((), ON_ORIN, ()),
        (("nin",), ("nin",), ON_ORIN[1:]),
        (("nin", "cifar10-sis2"), ("nin", "cifar10-sis2-nm"), ("cifar10-sis1-nm", "cifar10-sis3")),
        (ALL, ON_ORIN, ()),
        (("cifar10-sis2",), ON_ORIN, ()),  # without the dense network there is nothing to measure against
    ],
)
def test_what_the_zoo_has(
    there: tuple[str, ...], networks: tuple[str, ...], left_out: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(monkeypatch, *(entry(name, ORIN) for name in there))
    assert named(ORIN, "cifar10", trains=False) == (networks, left_out)
    assert named(ORIN, "cifar10", trains=True) == (ON_ORIN, ())
    assert named(ORIN, "digits", trains=False) == (ON_ORIN, ()), "trained on another data set"


def test_the_very_graph_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dense NiN and SiS#3, whose convolutions are whole, are the same for every board; 2:4 is not whole filters."""
    fill(monkeypatch, *(entry(name, ORIN) for name in ALL))
    assert named(NANO, "cifar10", trains=False)[0] == ("nin", "cifar10-sis3")


def test_an_older_network_of_the_same_shares_is_taken_until_there_is_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole filters at the paper's shares have fewer synapses than the paper's count."""
    nearest = [entry(name, NANO) for name in ALL]
    older = [entry(name, NANO, by_shares=True) for name in ALL]
    assert [new.graph_sha256 == old.graph_sha256 for new, old in zip(nearest, older, strict=True)] == [
        *(True, False, False, True)
    ]
    fill(monkeypatch, *older)
    built = choose(load(NANO), "cifar10", trains=False)
    assert (digests(built), built.left_out) == ([each.graph_sha256 for each in older], ())
    assert digests(choose(load(NANO), "cifar10", trains=False, names=ALL)) == digests(built)
    trained = choose(load(NANO), "cifar10", trains=True)
    assert digests(trained) == [each.graph_sha256 for each in nearest]
    fill(monkeypatch, *older, *nearest)
    assert digests(choose(load(NANO), "cifar10", trains=False)) == digests(trained)


def digests(chosen: DefaultNetworks) -> list[str]:
    return [network.graph.digest() for network in chosen.networks]


@pytest.mark.parametrize("profile", names())
def test_a_build_that_names_no_networks_leaves_none_out(profile: str) -> None:
    """With the zoo as it comes with the package."""
    chosen = choose(load(profile), "cifar10", trains=False)
    assert (len(chosen.networks), chosen.left_out) == (len(ALL), ())


def test_svhn_has_networks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch)
    networks, _ = named(NANO, "svhn", trains=False)
    assert networks == ("nin", "svhn-sis1-neuron", "svhn-sis2-neuron", "svhn-sis3-neuron")


def test_fashion_mnist_has_those_that_were_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    every = ("nin", "cifar10-sis2", "cifar10-sis3", "svhn-sis3")
    fill(monkeypatch, *(entry(name, "x86-64", "fashion_mnist") for name in every))
    assert named("x86-64", "fashion_mnist", trains=False) == (every, ())
    assert named("x86-64", "fashion_mnist", trains=True) == (every, ())
    of_neurons = ("cifar10-sis2-neuron", "svhn-sis3-neuron")
    assert named(NANO, "fashion_mnist", trains=False) == (("nin", "cifar10-sis3"), of_neurons)


@pytest.mark.parametrize(
    ("words", "networks", "says"),
    [
        ([], ("nin", "cifar10-sis2-nm"), True),
        (["--from-zoo"], ("nin", "cifar10-sis2-nm"), True),
        (["--train"], ON_ORIN, False),
        (["--epochs", "3"], ON_ORIN, False),
        (["--seed", "1"], ON_ORIN, False),
        (["--networks", "nin, cifar10-sis1"], ("nin", "cifar10-sis1-nm"), False),
        (["--networks", "nin,cifar10-sis1-nm"], ("nin", "cifar10-sis1-nm"), False),
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
    assert [tuple(network.name for network in plan.networks) for plan in plans] == [networks]
    said = capsys.readouterr().out
    assert (
        "does not have them for this board (granularity nm, cifar10): cifar10-sis1-nm, cifar10-sis3" in said
    ) == says
    assert ("--train trains all networks here" in said) == says
