"""The line from a spec to a bundle: form, train, export, bundle, each skipped where it is done."""

import io
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sis_agent.schema import Preprocess
from sis_edge import zoo
from sis_edge.backends.variants import VariantSpec, wanted
from sis_edge.build import engines
from sis_edge.bundles import manifest, verify
from sis_edge.bundles.provenance import provenance
from sis_edge.errors import BundleError, UsageError
from sis_edge.exporting import sparse
from sis_edge.files import stages
from sis_edge.files.disk import writing
from sis_edge.files.hashing import file_sha256
from sis_edge.files.names import checked
from sis_edge.formation import PRESETS, Formation, SynapticGraph, form, preset, preset_of
from sis_edge.formation.compaction import compact
from sis_edge.native.costs import Calibration
from sis_edge.profiles import DeviceProfile, NetworkSettings
from sis_edge.spec import nin
from sis_edge.training import stage as training_stage
from sis_edge.training.stage import TRAIN_VERSION
from sis_edge.zoo import Entry

if TYPE_CHECKING:  # torch and the data load only where a stage really runs
    import numpy as np
    from numpy.typing import NDArray

    from sis_edge.datasets import Dataset, ImageSet
    from sis_edge.exporting.variants import VariantSamples
    from sis_edge.models import SisNet
    from sis_edge.training import Recipe
    from sis_edge.training.distributed import Together
    from sis_edge.training.recipe import Precision

EXPORT_VERSION = 1
VARIANTS_VERSION = 5
SPARSE_VERSION = 1
GOLDEN_IMAGES = 32
PARITY_IMAGES = 256
GOLDEN_TOLERANCE = 1e-3
"""Largest difference of a logit on a board from the host's: other processors round and order sums differently."""

StageName = Literal["data", "form", "train", "export", "sparse", "variants", "engines", "bundle"]


@dataclass(frozen=True)
class Step:
    """Where a build stands: `done` of `total` in a stage of a network; `note` is for people."""

    network: str
    stage: StageName
    done: int
    total: int
    note: str = ""


OnStep = Callable[[Step], None]


@dataclass(frozen=True)
class BuildPlan:
    """What to build. `networks` are presets or graph files; `train_limit` trains on that many images only.

    `epochs` and `precision` of None mean the recipe's own and the fastest here. `weights`: "zoo" takes trained networks
    that come with sis-edge, "train" trains, "either" trains what the zoo lacks. `calibration` gives the board's for
    the choice of what computes each layer, where the profile wants native kernels; None leaves that to the structure.
    `together` are the processes that train together, of which this is the first; None: it trains alone.
    """

    profile: DeviceProfile
    dataset: str
    networks: tuple[str, ...]
    folder: Path
    name: str
    seed: int = 0
    epochs: int | None = None
    train_limit: int | None = None
    test_images: int = 500
    data_dir: Path | None = None
    precision: "Precision | None" = None
    weights: Literal["zoo", "train", "either"] = "train"
    calibration: Callable[[], Calibration | None] = lambda: None
    together: "Together | None" = None


@dataclass(frozen=True)
class BuildResult:
    """The bundle, and whether there was nothing left to do."""

    bundle: verify.Bundle
    was_done: bool


def build(plan: BuildPlan, on_step: OnStep = lambda step: None) -> BuildResult:
    """Build the bundle that `plan` describes, or find it done; goes on where an interrupted build stopped.

    Raises UsageError for unknown names, DatasetError, ExportError, DiskError as their stages do.
    """
    checked("bundle", plan.name)
    if not plan.networks:
        raise UsageError(f"there is no network to build; known: {', '.join(PRESETS)}, or graph files (.npz)")
    graphs = dict(_graph(name, plan.profile.networks) for name in plan.networks)
    if len(graphs) < len(plan.networks):
        raise UsageError(f"--networks names a network twice: {', '.join(plan.networks)}; give each once")
    taken = _from_zoo(plan, graphs)
    engine = sparse.engine(plan.profile, plan.calibration) if plan.profile.wants_sparse else None
    build_key = _build_key(plan, graphs, taken, engine)
    target = plan.folder / plan.name
    with stages.alone(plan.folder / ".stages"):
        done = _finished(target, build_key)
        if done is not None:
            return BuildResult(done, was_done=True)
        return BuildResult(_Line(plan, taken, engine, on_step).run(graphs, target, build_key), was_done=False)


def _graph(name: str, settings: NetworkSettings) -> tuple[str, SynapticGraph]:
    """A preset's graph in the board's granularities, or that of a file; the file's stem is its network's name."""
    if name.endswith(".npz"):
        return checked("network", Path(name).stem), SynapticGraph.load(Path(name))
    return name, form(nin(), formation_for(name, settings))


def formation_for(name: str, settings: NetworkSettings, seed: int = 0) -> Formation:
    """A preset's formation in the granularities of a board; they may miss the preset's count, which is reported."""
    return replace(preset(name).formation(seed), conv=settings.conv, micro=settings.micro, block=settings.block)


def _from_zoo(plan: BuildPlan, graphs: dict[str, SynapticGraph]) -> dict[str, Entry]:
    """For each network that the zoo has and the plan wants from there its entry."""
    asked = {"--seed": plan.seed or None, "--epochs": plan.epochs, "--limit": plan.train_limit}
    given = [name for name, value in {**asked, "--precision": plan.precision}.items() if value is not None]
    if plan.weights == "train" or (plan.weights == "either" and given):
        return {}
    if plan.weights == "zoo" and plan.together:
        given.append(plan.together.name)
    if given:
        raise UsageError(f"{given[0]} is of a training, and --from-zoo trains nothing; leave one of them out")
    found = {name: zoo.find(graph, plan.dataset) for name, graph in graphs.items()}
    if plan.weights == "zoo" and (missing := [name for name, entry in found.items() if entry is None]):
        conv = graphs[missing[0]].formation.conv
        raise UsageError(
            f"the zoo has no {missing[0]} in granularity {conv}, trained on {plan.dataset}; "
            "`sis-edge zoo list` shows what it has, --train trains it here"
        )
    return {name: entry for name, entry in found.items() if entry is not None}


def _build_key(
    plan: BuildPlan, graphs: dict[str, SynapticGraph], taken: dict[str, Entry], engine: sparse.Engine | None
) -> str:
    return stages.key(
        {
            "versions": [manifest.BUNDLE_VERSION, TRAIN_VERSION, EXPORT_VERSION, SPARSE_VERSION, VARIANTS_VERSION],
            "profile": plan.profile.name,
            "variants": [asdict(spec) for spec in wanted(plan.profile)],
            "sparse": engine and engine.key,
            "engines": engines.settings(plan.profile),
            "dataset": plan.dataset,
            "graphs": {name: graph.digest() for name, graph in graphs.items()},
            "zoo": {name: entry.weights_sha256 for name, entry in taken.items()},
            "seed": plan.seed,
            "epochs": plan.epochs,
            "train_limit": plan.train_limit,
            "test_images": plan.test_images,
            "precision": plan.precision,
            **(plan.together.key if plan.together else {}),
        }
    )


def _finished(target: Path, build_key: str) -> verify.Bundle | None:
    """The bundle in `target` if it has this key and every file is sound."""
    if not (target / manifest.MANIFEST).exists():
        return None
    try:
        found = verify.open_bundle(target)
    except BundleError:
        return None  # of another version, or damaged: it is built again
    return found if found.manifest.build_key == build_key and not verify.problems(found) else None


_Variant: TypeAlias = tuple[VariantSpec, stages.Outcome]
_Sparse: TypeAlias = tuple[sparse.Plan, stages.Outcome | None]


@dataclass(frozen=True)
class _Parts:
    """One network's finished stages. `sparse` is None where no native kernels are asked for, its outcome where no layer
    takes them or there is no library.
    """

    graph: SynapticGraph
    trained: stages.Outcome
    exported: stages.Outcome
    sparse: _Sparse | None
    variants: list[_Variant]
    engines: list[engines.Built]


class _Line:
    """One build: the plan, the data once it is needed, and who is told of progress."""

    def __init__(self, plan: BuildPlan, taken: dict[str, Entry], engine: sparse.Engine | None, on_step: OnStep) -> None:
        from sis_edge.training import default_recipe
        from sis_edge.training.precision import fastest_precision

        self.plan = plan
        self.taken = taken
        self.engine = engine
        self.on_step = on_step
        self.root = plan.folder / ".stages"
        on_step(Step("", "data", 0, 1, plan.dataset))
        self.dataset: Dataset = _images(plan, needs_all=len(taken) < len(plan.networks))
        on_step(Step("", "data", 1, 1, plan.dataset))
        self.train_images: ImageSet = _first(self.dataset.train, plan.train_limit)
        self.recipe: Recipe = default_recipe(
            plan.dataset,
            flip=self.dataset.flip,
            precision=plan.precision or fastest_precision(),
            epochs=plan.epochs,
        )

    def run(self, graphs: dict[str, SynapticGraph], target: Path, build_key: str) -> verify.Bundle:
        """Train and export every network, then write the bundle beside its place and move it there."""
        for name, graph in graphs.items():
            if (outputs := graph.spec.layers[-1].filters) != len(self.dataset.classes):
                raise UsageError(
                    f"{name} tells {outputs} classes apart and {self.dataset.name} has {len(self.dataset.classes)}; "
                    "name a data set with as many, or another graph"
                )
        parts = {name: self._network(name, graph) for name, graph in graphs.items()}
        test = _first(self.dataset.test, self.plan.test_images)
        part = target.with_name(f".{target.name}.part")
        with writing(self.plan.folder):
            shutil.rmtree(part, ignore_errors=True)
            (part / "data").mkdir(parents=True)
            _save(part / "data/golden_inputs.npy", self._normalised(GOLDEN_IMAGES))
            _save(part / "data/test_images.npy", test.images)
            _save(part / "data/test_labels.npy", test.labels)
            entries = []
            for name, of in parts.items():
                folder = part / "networks" / name
                folder.mkdir(parents=True)
                shutil.copyfile(of.trained.folder / "graph.npz", folder / "graph.npz")
                for file in ("model.onnx", "golden_logits.npy"):
                    shutil.copyfile(of.exported.folder / file, folder / file)
                if of.sparse and of.sparse[1]:
                    shutil.copyfile(of.sparse[1].folder / sparse.MODEL, folder / sparse.MODEL)
                for spec, outcome in of.variants:
                    for file in (spec.model, spec.golden_logits):
                        shutil.copyfile(outcome.folder / file, folder / file)
                for built in of.engines:
                    shutil.copyfile(built.file, folder / built.file.name)
                entries.append(self._entry(name, of))
            if self.engine and any(of.sparse and of.sparse[1] for of in parts.values()):
                sparse.put_library(self.engine, part)
            verify.write_manifest(part, self._manifest(entries, len(test.labels), build_key, verify.file_entries(part)))
            old = target.with_name(f".{target.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            if target.exists():
                target.rename(old)
            part.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        self.on_step(Step("", "bundle", 1, 1, str(target)))
        return verify.open_bundle(target)

    def _network(self, name: str, graph: SynapticGraph) -> _Parts:
        inputs: dict[str, Any]
        if (entry := self.taken.get(name)) is not None:
            inputs = {"version": TRAIN_VERSION, "graph": graph.digest(), "weights": entry.weights_sha256}
            trained = stages.run(self.root, "zoo", inputs, lambda folder: _unpack(entry, folder))
            self.on_step(Step(name, "train", 1, 1, "from the zoo"))
        else:
            trained = self._train(name, graph)
            if trained.was_done:
                self.on_step(Step(name, "train", 1, 1, "done before"))
        inputs = {
            "version": EXPORT_VERSION,
            "weights": file_sha256(trained.folder / "weights.safetensors"),
            "graph": graph.digest(),
            "name": name,
        }
        exported = stages.run(self.root, "export", inputs, lambda folder: self._export(name, graph, trained, folder))
        self.on_step(Step(name, "export", 1, 1, "done before" if exported.was_done else ""))
        native = self._sparse(name, graph, trained, exported)
        made = self._variants(name, exported.folder / "model.onnx")
        return _Parts(graph, trained, exported, native, made, self._engines(name, exported.folder / "model.onnx", made))

    def _sparse(
        self, name: str, graph: SynapticGraph, trained: stages.Outcome, exported: stages.Outcome
    ) -> _Sparse | None:
        """What computes each layer, and the network with native nodes where some layer takes them."""
        if self.engine is None:
            return None
        engine, plan = self.engine, sparse.plan(self.engine, graph)
        count = sum(width > 0 for width in plan.blocks)
        if engine.library is None or not count:
            self.on_step(Step(name, "sparse", 1, 1, engine.absent or sparse.NO_NATIVE_LAYER))
            return plan, None
        inputs = {
            "version": SPARSE_VERSION,
            "model": file_sha256(exported.folder / "model.onnx"),
            "graph": graph.digest(),
            "blocks": plan.blocks,
            "library": engine.library.parent.name,
            "dataset": self.dataset.sha256,
            "test_images": self.plan.test_images,
        }

        def make(folder: Path) -> dict[str, Any]:
            from sis_edge.exporting import onnx_file
            from sis_edge.exporting.compact import fold
            from sis_edge.exporting.sparse_onnx import to_sparse_onnx

            network = fold(training_stage.load(graph, trained.folder))
            onnx_file.save(to_sparse_onnx(network, name, plan.blocks), folder / sparse.MODEL)
            test = _first(self.dataset.test, self.plan.test_images)
            plain = exported.folder / "model.onnx"
            return sparse.check(folder, plain, engine, self._normal(test), test.labels)

        outcome = stages.run(self.root, "sparse", inputs, make)
        note = "done before" if outcome.was_done else f"{count} of {len(plan.choices)} layers native"
        self.on_step(Step(name, "sparse", 1, 1, note))
        return plan, outcome

    def _variants(self, name: str, model: Path) -> list[_Variant]:
        """The network in the other precisions that the profile's run times want."""
        from sis_edge.exporting import variants

        made = []
        specs = wanted(self.plan.profile)
        original = cache(lambda: variants.Original(model, self._samples()))  # not needed where all was done before
        for at, spec in enumerate(specs):
            self.on_step(Step(name, "variants", at, len(specs), spec.name))
            inputs = {
                "version": VARIANTS_VERSION,
                "spec": asdict(spec),
                "model": file_sha256(model),
                "dataset": self.dataset.sha256,
                "train_images": len(self.train_images.labels),
                "test_images": self.plan.test_images,
            }

            def make(folder: Path, spec: VariantSpec = spec) -> dict[str, Any]:
                return variants.make(original(), spec, folder)

            made.append((spec, stages.run(self.root, "variant", inputs, make)))
            self.on_step(Step(name, "variants", at + 1, len(specs), spec.name))
        return made

    def _engines(self, name: str, model: Path, made: list[_Variant]) -> list[engines.Built]:
        """Engines for desktop GPUs, where the profile asks for them and they can be built."""
        variants = {spec: (outcome.folder, outcome.summary) for spec, outcome in made}
        found = engines.build(
            self.root,
            self.plan.profile,
            model,
            variants,
            lambda done, total, note: self.on_step(Step(name, "engines", done, total, note)),
        )
        return found

    def _samples(self) -> "VariantSamples":
        """Images from the training set's ends to calibrate and to decide, the bundle's test images to test."""
        from sis_edge.datasets import ImageSet
        from sis_edge.exporting.variants import Labelled, VariantSamples, split

        train, test = self.train_images, _first(self.dataset.test, self.plan.test_images)
        calibrating, deciding_part = split(len(train))
        deciding = ImageSet(train.images[deciding_part], train.labels[deciding_part])
        return VariantSamples(
            calibration=self._normal(ImageSet(train.images[calibrating], train.labels[calibrating])),
            deciding=Labelled(self._normal(deciding), deciding.labels),
            test=Labelled(self._normal(test), test.labels),
            golden_images=GOLDEN_IMAGES,
        )

    def _train(self, name: str, graph: SynapticGraph) -> stages.Outcome:
        from sis_edge.training.evaluate import accuracy

        def progress(done: int, total: int, loss: float) -> None:
            self.on_step(Step(name, "train", done, total, f"loss {loss:.3f}"))

        def measure(network: "SisNet") -> dict[str, Any]:
            test = self.dataset.test
            return {"host_accuracy": accuracy(network, self.dataset, test), "host_test_images": len(test.labels)}

        images, recipe, seed = self.train_images, self.recipe, self.plan.seed
        return training_stage.run(
            self.root,
            graph,
            self.dataset,
            images,
            recipe,
            seed=seed,
            measure=measure,
            progress=progress,
            together=self.plan.together,
        )

    def _export(self, name: str, graph: SynapticGraph, trained: stages.Outcome, folder: Path) -> dict[str, Any]:
        from sis_edge.exporting import onnx_file, parity
        from sis_edge.exporting.compact import fold
        from sis_edge.training.evaluate import logits

        network = training_stage.load(graph, trained.folder)
        onnx_file.save(onnx_file.to_onnx(fold(network), name), folder / "model.onnx")
        reference = logits(network, self.dataset, _first(self.dataset.test, PARITY_IMAGES)).numpy()
        result = parity.check(folder / "model.onnx", self._normalised(PARITY_IMAGES), reference)
        _save(folder / "golden_logits.npy", reference[:GOLDEN_IMAGES])
        return {
            "images": result.images,
            "max_abs_difference": result.max_abs_difference,
            "top1_agreement": result.top1_agreement,
        }

    def _normalised(self, count: int) -> "NDArray[np.float32]":
        return self._normal(_first(self.dataset.test, count))

    def _normal(self, images: "ImageSet") -> "NDArray[np.float32]":
        import torch

        from sis_edge.training.batches import normalise

        found: NDArray[np.float32] = normalise(torch.from_numpy(images.images), self.dataset).numpy()
        return found

    def _entry(self, name: str, of: _Parts) -> manifest.NetworkEntry:
        from sis_edge.exporting.onnx_file import OPSET

        graph = of.graph
        formation, paper = graph.formation, preset_of(graph)
        return manifest.NetworkEntry(
            name=name,
            granularity=f"{formation.conv} / {formation.micro}",
            t_c=formation.t_c,
            t_p=formation.t_p,
            graph_seed=formation.seed,
            graph_sha256=graph.digest(),
            conv_synapses=graph.conv_synapses,
            micro_synapses=graph.micro_synapses,
            synapses=graph.synapse_count,
            architectural_efficiency=graph.architectural_efficiency,
            macs=graph.macs,
            macs_live=sum(layer.macs for layer in compact(graph)),
            mac_ratio=graph.mac_ratio,
            paper_accuracy=paper.paper_accuracy.get(self.plan.dataset) if paper else None,
            model=f"networks/{name}/model.onnx",
            graph=f"networks/{name}/graph.npz",
            golden_logits=f"networks/{name}/golden_logits.npy",
            parity=manifest.Parity(**of.exported.summary),
            opset=OPSET,
            preset_synapses=preset(name).synapses if name in self.plan.networks else None,
            variants=tuple(
                manifest.Variant(
                    model=f"networks/{name}/{spec.model}",
                    golden_logits=f"networks/{name}/{spec.golden_logits}",
                    **outcome.summary,
                )
                for spec, outcome in of.variants
            ),
            engines=tuple(built.entry(name) for built in of.engines),
            sparse=sparse.form_of(name, self.engine, *of.sparse) if self.engine and of.sparse else None,
            training=self._training(name, of.trained),
        )

    def _training(self, name: str, trained: stages.Outcome) -> manifest.Training:
        entry = self.taken.get(name)
        words = f", {self.plan.together.name}" if self.plan.together else ""
        return manifest.Training(
            epochs=entry.recipe["epochs"] if entry else self.recipe.epochs,
            seed=entry.seed if entry else self.plan.seed,
            recipe=entry.recipe_words if entry else f"{self.recipe.describe()}{words}",
            precision=entry.recipe["precision"] if entry else self.recipe.precision,
            train_images=entry.train_images if entry else len(self.train_images.labels),
            zoo=entry.name if entry else None,
            **trained.summary,
        )

    def _manifest(
        self,
        entries: list[manifest.NetworkEntry],
        test_images: int,
        build_key: str,
        files: tuple[manifest.FileEntry, ...],
    ) -> manifest.Manifest:
        dense = [entry.name for entry in entries if entry.synapses == nin().synapse_count]
        return manifest.Manifest(
            bundle_version=manifest.BUNDLE_VERSION,
            build_key=build_key,
            name=self.plan.name,
            profile=self.plan.profile.name,
            dataset=self.plan.dataset,
            dataset_sha256=self.dataset.sha256,
            preprocess=Preprocess(list(self.dataset.mean), list(self.dataset.std)),
            golden_tolerance=GOLDEN_TOLERANCE,
            golden_inputs="data/golden_inputs.npy",
            golden_images=GOLDEN_IMAGES,
            test_images="data/test_images.npy",
            test_labels="data/test_labels.npy",
            test_image_count=test_images,
            dense=dense[0] if dense else None,
            networks=tuple(entries),
            provenance=provenance(),
            files=files,
        )


def _images(plan: BuildPlan, *, needs_all: bool) -> "Dataset":
    """The data set; only the zoo's sample of it where nothing is trained and the sample has the images to test."""
    from sis_edge import datasets
    from sis_edge.zoo import samples

    if not needs_all and plan.data_dir is None:
        sample = samples.load(plan.dataset)
        if sample is not None and len(sample.test) >= plan.test_images:
            return sample
    return datasets.load(plan.dataset, data_dir=plan.data_dir)


def _unpack(entry: Entry, folder: Path) -> dict[str, Any]:
    """What a training leaves in its folder, from the zoo."""
    from safetensors.torch import save

    network = zoo.load(entry)
    shutil.copyfile(entry.file(".npz"), folder / "graph.npz")
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    (folder / "weights.safetensors").write_bytes(save(weights))
    return {"host_accuracy": entry.accuracy, "host_test_images": entry.test_images}


def _first(images: "ImageSet", count: int | None) -> "ImageSet":
    from sis_edge.datasets import ImageSet

    return images if count is None else ImageSet(images.images[:count], images.labels[:count])


def _save(path: Path, array: "NDArray[Any]") -> None:
    """Write an array. numpy's own writing to a file leaves out the error number by which a full disk is known."""
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    path.write_bytes(buffer.getbuffer())
