"""The line from a spec to a bundle, on real scans: done once, gone on with, mended."""

import os
import shutil
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from forked import exit_code
from tiny_build import SMALL, plan_in

from sis_edge import datasets, zoo
from sis_edge.build.pipeline import build
from sis_edge.build.plan import BuildPlan, Step
from sis_edge.bundles.manifest import MANIFEST, Granularities
from sis_edge.bundles.verify import open_bundle, problems, verify
from sis_edge.errors import DiskError, InUseError, UsageError
from sis_edge.exporting import parity, sparse
from sis_edge.files import stages
from sis_edge.formation import PRESETS, Formation, SynapticGraph, form, preset
from sis_edge.profiles import load
from sis_edge.spec import nin
from sis_edge.training.batches import normalise
from sis_edge.training.evaluate import logits
from sis_edge.zoo import samples
from sis_edge.zoo.add import add


class Watch:
    """What a build says of itself."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def __call__(self, step: Step) -> None:
        self.steps.append(step)

    @property
    def trained(self) -> Counter[str]:
        """Training steps done per network, without those of stages that were done before."""
        return Counter(step.network for step in self.steps if step.stage == "train" and step.note != "done before")


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline") / "build"
    assert not build(plan_in(folder)).was_done
    return folder


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Path:
    """A finished build of the test's own."""
    shutil.copytree(built_once, tmp_path / "build")
    return tmp_path / "build"


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_time(files: dict[str, bytes]) -> dict[str, bytes]:
    """Everything but the manifest, which says when it was made."""
    return {name: data for name, data in files.items() if name != MANIFEST}


def test_a_bundle_is_what_it_says(built_once: Path) -> None:
    bundle = verify(built_once / "tiny")
    manifest = bundle.manifest
    assert (manifest.name, manifest.profile, manifest.dataset, manifest.reference) == ("tiny", "local", "digits", None)
    (entry,) = manifest.networks
    graph = SynapticGraph.load(bundle.path / entry.graph)
    assert graph.digest() == entry.graph_sha256 == form(nin(), SMALL).digest()
    assert (entry.granularity, entry.t_c, entry.t_p) == (Granularities(conv="neuron", micro="neuron"), 0.05, 0.1)
    assert entry.synapses == entry.conv_synapses + entry.micro_synapses == graph.synapse_count
    assert entry.architectural_efficiency == pytest.approx(959_104 / graph.synapse_count)
    assert entry.macs_live <= entry.macs
    assert entry.mac_ratio == graph.mac_ratio
    assert entry.paper_accuracy is None  # the paper has no figure for digits
    assert entry.training.train_images == 64
    assert entry.training.host_test_images == 500
    assert entry.parity.max_abs_difference <= parity.TOLERANCE
    # The files answer for themselves.
    data = datasets.load("digits")
    images = np.load(bundle.path / manifest.test_images)
    labels = np.load(bundle.path / manifest.test_labels)
    assert np.array_equal(images, data.test.images[:40])
    assert np.array_equal(labels, data.test.labels[:40])
    golden = np.load(bundle.path / manifest.golden_inputs)
    assert golden.dtype == np.float32
    logits = parity.run_onnx(bundle.path / entry.model, golden)
    assert np.abs(logits - np.load(bundle.path / entry.golden_logits)).max() <= parity.TOLERANCE
    every = parity.run_onnx(bundle.path / entry.model, normalise(torch.from_numpy(data.test.images), data).numpy())
    assert (every.argmax(axis=1) == data.test.labels).mean() == pytest.approx(entry.training.host_accuracy, abs=0.004)
    weights = sum(int(np.prod(part.dims)) for part in onnx.load(str(bundle.path / entry.model)).graph.initializer)
    biases = sum(int(layer.neurons.sum()) for layer in graph.layers)
    assert weights == graph.synapse_count + biases  # what does not exist is not in the file


def test_run_again_there_is_nothing_to_do(built: Path) -> None:
    before = content(built)
    stamps = {path: path.stat().st_mtime_ns for path in (built / "tiny").rglob("*")}
    watch = Watch()
    again = build(plan_in(built), watch)
    assert again.was_done
    assert again.replaced is None
    assert {step.stage for step in watch.steps} <= {"kernels"}, "whose library the build's key has"
    assert content(built) == before
    assert {path: path.stat().st_mtime_ns for path in (built / "tiny").rglob("*")} == stamps


def test_another_folder_gives_the_same_files(built_once: Path, tmp_path: Path) -> None:
    build(plan_in(tmp_path / "other"))
    assert without_time(content(tmp_path / "other" / "tiny")) == without_time(content(built_once / "tiny"))


@pytest.mark.parametrize(
    ("changes", "trains"),
    [
        ({"test_images": 50}, False),
        ({"profile": load("jetson-nano")}, False),
        ({"seed": 1}, True),
        ({"epochs": 1}, True),
        ({"train_limit": 96}, True),
    ],
)
def test_a_changed_option_does_again_only_what_it_changes(
    built: Path, changes: dict[str, object], trains: bool
) -> None:
    watch, before = Watch(), open_bundle(built / "tiny")
    result = build(plan_in(built, **changes), watch)
    assert not result.was_done
    assert result.replaced is not None
    assert result.replaced.id == before.id != result.bundle.id
    assert bool(watch.trained) == trains
    assert problems(result.bundle) == []
    assert result.bundle.manifest.test_image_count == changes.get("test_images", 40)


@pytest.mark.slow
def test_one_more_network_leaves_the_others(built: Path, tmp_path: Path) -> None:
    graph = form(nin(), Formation(t_c=0.25, t_p=0.1, seed=3, conv="block"))
    graph.save(tmp_path / "mine.npz")
    watch = Watch()
    result = build(plan_in(built, networks=(str(built.parent / "small.npz"), str(tmp_path / "mine.npz"))), watch)
    assert set(watch.trained) == {"mine"}
    assert [entry.name for entry in result.bundle.manifest.networks] == ["small", "mine"]
    mine = result.bundle.manifest.networks[1]
    assert (mine.granularity.words, mine.graph_seed, mine.synapses) == ("block:8 / neuron", 3, graph.synapse_count)
    assert (mine.preset, result.bundle.manifest.reference) == (None, None)
    assert not (built / ".tiny.part").exists()
    assert not (built / ".tiny.old").exists()


@pytest.mark.slow
def test_the_paper_s_figure_belongs_to_the_synapses_not_to_the_name(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = datasets.load("digits")
    few = replace(few, test=few.test.first(40))
    monkeypatch.setattr("sis_edge.datasets.load", lambda *names, **options: few)
    for name, accuracy in {"svhn-sis3": 0.5, "cifar10-sis3": 0.75}.items():
        monkeypatch.setitem(PRESETS, name, replace(preset(name), paper_accuracy={"digits": accuracy}))
    mine = preset("svhn-sis3").formation(3)
    all_kernels = preset("cifar10-sis3").formation()  # as neurons, therefore, the same synapses
    files = {
        "mine": mine,
        "svhn-sis3": SMALL,
        "neurons": replace(all_kernels, conv="neuron"),
        "other-neurons": replace(mine, conv="neuron"),
    }
    for name, formation in files.items():
        form(nin(), formation).save(tmp_path / f"{name}.npz")
    networks = tuple(str(tmp_path / f"{name}.npz") for name in files)
    bundle = build(plan_in(built, networks=networks, epochs=1, train_limit=32)).bundle
    assert {entry.name: entry.paper_accuracy for entry in bundle.manifest.networks} == {
        "mine": 0.5,
        "svhn-sis3": None,
        "neurons": 0.75,
        "other-neurons": None,
    }


def harm_model(bundle: Path) -> None:
    path = next(bundle.glob("networks/*/model.onnx"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def harm_manifest(bundle: Path) -> None:
    (bundle / MANIFEST).write_text("{")


def harm_by_an_extra_file(bundle: Path) -> None:
    (bundle / "notes.txt").write_text("mine")


def harm_by_loss(bundle: Path) -> None:
    shutil.rmtree(bundle / "data")


@pytest.mark.parametrize("harm", [harm_model, harm_manifest, harm_by_an_extra_file, harm_by_loss])
def test_a_damaged_bundle_is_built_again_without_training(built: Path, built_once: Path, harm: object) -> None:
    assert callable(harm)
    harm(built / "tiny")
    watch = Watch()
    assert not build(plan_in(built), watch).was_done
    assert watch.trained == {}
    assert without_time(content(built / "tiny")) == without_time(content(built_once / "tiny"))


def test_damaged_weights_are_trained_again(built: Path, built_once: Path) -> None:
    weights = next(built.glob(".stages/train-*/weights.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1
    weights.write_bytes(data)
    shutil.rmtree(built / "tiny")
    watch = Watch()
    build(plan_in(built), watch)
    assert watch.trained
    assert without_time(content(built / "tiny")) == without_time(content(built_once / "tiny"))


SCRIPT = """
import os, signal
from pathlib import Path
from tiny_build import plan_in
from sis_edge.build.pipeline import build

def watch(step):
    if step.stage == {stage!r} and step.done == {done}:
        os.kill(os.getpid(), signal.SIGKILL)

build(plan_in(Path({folder!r})), watch)
"""


@pytest.mark.parametrize(("stage", "done"), [("train", 3), ("train", 4), ("export", 1), ("bundle", 1)])
def test_a_killed_build_goes_on_to_the_same_files(tmp_path: Path, built_once: Path, stage: str, done: int) -> None:
    folder = tmp_path / "build"
    assert exit_code(SCRIPT.format(stage=stage, done=done, folder=str(folder))) == -signal.SIGKILL
    watch = Watch()
    result = build(plan_in(folder), watch)
    # Two epochs of two steps: killed in the second, one epoch is left; later, none.
    assert sum(watch.trained.values()) == (2 if stage == "train" else 0)
    assert result.was_done == (stage == "bundle")
    assert without_time(content(folder / "tiny")) == without_time(content(built_once / "tiny"))


def test_an_interrupted_build_goes_on(tmp_path: Path, built_once: Path) -> None:
    def interrupt(step: Step) -> None:
        if step.stage == "train" and step.done == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        build(plan_in(tmp_path), interrupt)
    assert not (tmp_path / "tiny").exists()
    watch = Watch()
    build(plan_in(tmp_path), watch)
    assert [step.done for step in watch.steps if step.stage == "train"] == [3, 4]
    assert without_time(content(tmp_path / "tiny")) == without_time(content(built_once / "tiny"))


def test_a_crash_between_the_two_renames_loses_nothing(built: Path) -> None:
    (built / "tiny").rename(built / ".tiny.old")
    (built / ".tiny.part" / "data").mkdir(parents=True)
    watch = Watch()
    build(plan_in(built), watch)
    assert watch.trained == {}
    verify(built / "tiny")
    assert sorted(path.name for path in built.iterdir()) == [".stages", "tiny"]


def test_two_builds_at_once(built: Path) -> None:
    with stages.alone(built / ".stages"), pytest.raises(InUseError, match="another sis-edge builds in"):
        build(plan_in(built))


def test_a_full_disk_in_training(small_disk: Path) -> None:
    with pytest.raises(DiskError, match=r"cannot write .* \(No space left on device\)"):
        build(plan_in(small_disk, networks=("svhn-sis3",)))


def test_a_full_disk_at_the_bundle(built: Path, small_disk: Path) -> None:
    """Stages that are done lie elsewhere; the bundle itself, whose arrays are large, does not fit."""
    (small_disk / ".stages").symlink_to(built / ".stages")
    with pytest.raises(DiskError, match=r"cannot write .*small disk \(No space left on device\)"):
        build(plan_in(small_disk, test_images=400))
    assert not (small_disk / "tiny").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="Not a directory"):
        build(plan_in(tmp_path / "file"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"networks": ()}, "no network to build; known: nin, cifar10-sis1"),
        ({"networks": ("nin", "nin")}, "network nin is named twice"),
        ({"networks": ("sis9",)}, "unknown network 'sis9'; known: nin"),
        ({"networks": ("none.npz",)}, "there is no graph file none.npz"),
        ({"networks": ("a b.npz",)}, "'a b' cannot be the name of a network"),
        ({"name": "../x"}, "'../x' cannot be the name of a bundle"),
        ({"name": "."}, "'.' cannot be the name of a bundle"),
        ({"name": ".stages"}, "'.stages' cannot be the name of a bundle"),
        ({"dataset": "mnist"}, "unknown data set 'mnist'; did you mean fashion_mnist?"),
        ({"data_dir": Path("/none")}, "there is no folder /none"),
        ({"epochs": 0}, "epochs = 0 is too few; use 1 or more"),
    ],
)
def test_what_cannot_be_meant(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError) as raised:
        build(plan_in(tmp_path, **changes))
    assert sentence in str(raised.value)
    assert not list(tmp_path.glob("[!.]*"))


@pytest.fixture
def zoo_with_it(built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo that holds the small network as the first build trained it, and a sample of the scans."""
    folder = built.parent / "zoo"
    (stage,) = (built / ".stages").glob("train-*")
    digits = datasets.load("digits")
    add("small", stage, digits, folder)
    samples.save(digits, folder)
    monkeypatch.setattr("sis_edge.zoo.entry.FOLDER", folder)
    monkeypatch.setattr("sis_edge.zoo.samples.FOLDER", folder)
    return folder


def plan_from_zoo(built: Path, **changes: object) -> BuildPlan:
    """The small network with no word on its training: of a folder beside the one where it was trained."""
    wanted: dict[str, object] = {"epochs": None, "train_limit": None, "precision": None, "weights": "zoo", **changes}
    graph = next((built / ".stages").glob("train-*")) / "graph.npz"
    shutil.copyfile(graph, built.parent / "small.npz")
    return plan_in(built.parent / "anew", **wanted)


@pytest.mark.parametrize("weights", ["zoo", "either"])
def test_from_the_zoo_it_is_the_network_that_was_trained(
    built: Path, zoo_with_it: Path, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sis_edge.datasets.load", lambda *names, **options: pytest.fail("the data set is not needed"))
    watch = Watch()
    made = build(plan_from_zoo(built, weights=weights), watch).bundle
    assert not watch.trained.keys() - {"small"}
    assert {step.note for step in watch.steps if step.stage == "train"} == {"from the zoo"}
    before = verify(built / "tiny").manifest.networks[0]
    (network,) = made.manifest.networks
    (entry,) = zoo.entries(zoo_with_it)
    assert network.training == before.training.model_copy(update={"zoo": "small", "host_accuracy": entry.accuracy})
    assert entry.accuracy == pytest.approx(before.training.host_accuracy, abs=0.01)
    # The zoo rounds each weight to 11 bits, and nothing else: its network's logits are those of the bundle.
    kept, trained = (np.load(folder / network.golden_logits) for folder in (made.path, built / "tiny"))
    assert 0 < np.abs(kept - trained).max() < 0.02
    data = samples.load("digits", zoo_with_it)
    assert data is not None
    first = data.test.images[: len(kept)]
    expected = logits(
        zoo.load(entry, zoo_with_it), data, replace(data.test, images=first, labels=data.test.labels[: len(kept)])
    )
    assert np.allclose(kept, expected.numpy(), atol=1e-5)
    assert made.manifest.dataset_sha256 == verify(built / "tiny").manifest.dataset_sha256


@pytest.mark.slow
def test_what_the_zoo_lacks_is_named_or_trained(built: Path, zoo_with_it: Path) -> None:
    other = built.parent / "other.npz"
    form(nin(), replace(SMALL, seed=1)).save(other)
    both = (str(built.parent / "small.npz"), str(other))
    with pytest.raises(UsageError, match="the zoo has no other in granularity neuron, trained on digits"):
        build(plan_from_zoo(built, networks=both))
    with pytest.raises(UsageError, match="--epochs is of a training"):
        build(plan_from_zoo(built, epochs=2))
    watch = Watch()
    plan = plan_from_zoo(built, networks=both, weights="either", train_limit=64, epochs=1)
    entries = build(plan, watch).bundle.manifest.networks
    assert [entry.training.zoo for entry in entries] == [None, None], "what is said of the training is done"


def test_a_graph_with_other_classes_than_the_data_is_refused(tmp_path: Path) -> None:
    spec = nin()
    last = replace(spec.layers[-1], filters=4)
    form(replace(spec, layers=(*spec.layers[:-1], last)), SMALL).save(tmp_path / "four.npz")
    with pytest.raises(UsageError, match="four has 4 outputs, digits has 10 classes"):
        build(plan_in(tmp_path / "build", networks=(str(tmp_path / "four.npz"),)))


def test_another_recipe_and_a_teacher_are_another_training_and_the_manifest_says_so(built: Path) -> None:
    (taught_by,) = (built / ".stages").glob("train-*/")
    watch = Watch()
    plan = plan_in(built, recipe="cutout=6,ema_decay=0.5", teacher=str(taught_by), name="taught")
    (entry,) = build(plan, watch).bundle.manifest.networks
    assert watch.trained == {"small": 4}
    what = f"nin with {entry.synapses:,} synapses ({taught_by.name})"
    assert f"cutout 6, weights averaged (EMA 0.5), teacher {what} (weight 0.5" in entry.training.recipe
    assert entry.training.teacher == what
    assert str(built) not in entry.training.recipe
    assert build(plan).was_done
    (plain,) = build(plan_in(built)).bundle.manifest.networks  # the one before is found again
    assert "teacher" not in plain.training.recipe


@pytest.mark.slow
def test_a_rewired_network_has_another_name_and_its_own_graph_and_a_dense_one_stays(tmp_path: Path) -> None:
    sparse, dense = tmp_path / "kernels.npz", tmp_path / "dense.npz"
    form(nin(), Formation(t_c=0.05, t_p=0.1)).save(sparse)
    form(nin(), replace(SMALL, t_c=0.02)).save(dense)
    changes = {"networks": (str(sparse), str(dense)), "rewires": True, "recipe": "rewire_every=1"}
    bundle = build(plan_in(tmp_path / "build", **changes)).bundle
    moved, kept = bundle.manifest.networks
    assert (moved.name, kept.name) == ("kernels-rewired", "dense")
    assert (moved.distribution, kept.distribution) == ("rewired", "uniform")
    assert "rewired (0.3 every 1 steps until 0.75)" in moved.training.recipe
    assert "rewired" not in kept.training.recipe
    formed, stored = SynapticGraph.load(sparse), SynapticGraph.load(bundle.path / moved.graph)
    assert stored.digest() == moved.graph_sha256 != formed.digest()
    assert [layer.synapse_count for layer in stored.layers] == [layer.synapse_count for layer in formed.layers]
    assert moved.parity.top1_agreement == 1.0


@pytest.mark.parametrize(("option", "value"), [("recipe", "cutout=6"), ("teacher", "nin"), ("rewires", True)])
def test_what_is_of_a_training_takes_nothing_from_the_zoo(tmp_path: Path, option: str, value: object) -> None:
    plan = plan_in(tmp_path / "build", weights="zoo", epochs=None, train_limit=None, precision=None)
    with pytest.raises(UsageError, match=f"--{option.rstrip('s')} is of a training, and --from-zoo trains nothing"):
        build(replace(plan, **{option: value}))  # type: ignore[arg-type]


def test_images_that_cannot_be_had_are_reported_before_kernels_compile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse, "engine", lambda *_: pytest.fail("compiled kernels for images that are not there"))
    watch = Watch()
    plan = replace(plan_in(tmp_path / "build"), profile=load("local"), data_dir=tmp_path / "nowhere")
    with pytest.raises(UsageError, match="there is no folder"):
        build(plan, watch)
    assert [step.stage for step in watch.steps] == ["data"]
