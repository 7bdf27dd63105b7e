"""The line from networks to a bundle: train, export, native kernels, variants, engines; each done once."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.build import plan as planning
from sis_edge.build.context import BuildContext, begin, load_images, save_array
from sis_edge.build.manifest import GOLDEN_INPUTS, GRAPH, TEST_IMAGES, TEST_LABELS, FinishedNetwork, manifest_of
from sis_edge.build.networks import PlannedNetwork
from sis_edge.build.plan import BuildPlan, OnStep, Step
from sis_edge.build.steps import engines, export, native, native_variants, train, variants
from sis_edge.bundles import verify
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BundleError, UsageError
from sis_edge.exporting import sparse
from sis_edge.files import stages
from sis_edge.files.disk import writing
from sis_edge.files.names import checked

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset


@dataclass(frozen=True)
class BuildResult:
    """The bundle, whether there was nothing left to do, and the other bundle that stood in its folder before."""

    bundle: Bundle
    was_done: bool
    replaced: Bundle | None = None


def build(plan: BuildPlan, on_step: OnStep = lambda step: None) -> BuildResult:
    """Build the bundle that `plan` describes, or find it done; goes on where an interrupted build stopped.

    Raises UsageError for unknown names, DatasetError, ExportError, DiskError as their steps do.
    """
    checked("bundle", plan.name)
    if plan.data is not None:
        _check_fit(plan, plan.data)
    taken = planning.from_zoo(plan)
    # Kernels may compile for minutes: images that cannot be had are reported before, where they are needed for certain.
    dataset = None if (plan.target / MANIFEST).exists() else load_images(plan, taken, on_step)
    engine = _engine(plan, on_step) if plan.profile.wants_native else None
    key = planning.build_key(plan, taken, engine)
    with stages.alone(plan.stages):
        before = _sound(plan.target)
        if before is not None and before.manifest.build_key == key:
            return BuildResult(before, was_done=True)
        context = begin(plan, taken, engine, on_step, dataset or load_images(plan, taken, on_step))
        _check_fit(plan, context.dataset)
        networks = [_steps(context, network) for network in plan.networks]
        return BuildResult(_write(context, networks, key), was_done=False, replaced=before)


def _engine(plan: BuildPlan, on_step: OnStep) -> sparse.Engine:
    on_step(Step("", "kernels", 0, 1, plan.profile.machine))
    engine = sparse.engine(plan.profile, plan.calibration)
    on_step(Step("", "kernels", 1, 1, plan.profile.machine))
    return engine


def _sound(target: Path) -> Bundle | None:
    """The bundle in `target` if there is one of which every file is sound."""
    if not (target / MANIFEST).exists():
        return None
    try:
        bundle = verify.open_bundle(target)
    except BundleError:
        return None  # of another version, or damaged: it is built again
    return None if verify.problems(bundle) else bundle


def _check_fit(plan: BuildPlan, dataset: "Dataset") -> None:
    """Raise UsageError for a network whose outputs are not the data set's classes, or whose input not its images."""
    classes = len(dataset.classes)
    channels = dataset.test.images.shape[1]
    for network in plan.networks:
        spec = network.graph.spec
        if spec.channels != channels:
            raise UsageError(
                f"{network.name} takes images of {spec.channels} channels, those of {dataset.name} have {channels}; "
                "form the network for them"
            )
        if dataset.size != (spec.side, spec.side):
            height, width = dataset.size
            raise UsageError(
                f"{network.name} takes images of {spec.side} x {spec.side}, {dataset.name} has {height} x {width}; "
                f"resize your own with --resize {spec.side}, or choose another network"
            )
        if spec.classes != classes:
            raise UsageError(
                f"{network.name} has {spec.classes} outputs, {dataset.name} has {classes} classes; "
                "choose a data set with as many, or another graph"
            )


def _steps(context: BuildContext, network: PlannedNetwork) -> FinishedNetwork:
    trained = train.run(context, network)
    network = train.finished(network, trained)
    exported = export.run(context, network, trained)
    native_form = native.run(context, network, trained, exported)
    model = exported.folder / export.MODEL
    original = variants.original_of(context, model)
    made = variants.run(context, network.name, model, original)
    made += native_variants.run(context, network, trained, model, original)

    def on_engine(done: int, total: int, note: str) -> None:
        context.on_step(Step(network.name, "engines", done, total, note))

    files = {variant.spec: (variant.made.folder, variant.made.summary) for variant in made}
    built = engines.build(context.root, context.plan.profile, model, files, on_engine)
    return FinishedNetwork(network, trained, exported, native_form, made, built)


def _write(context: BuildContext, networks: list[FinishedNetwork], build_key: str) -> Bundle:
    """Write the bundle next to its place and move it there, so that half of one is never seen."""
    target, test = context.plan.target, context.test_images
    part, old = target.with_name(f".{target.name}.part"), target.with_name(f".{target.name}.old")
    with writing(context.plan.folder):
        shutil.rmtree(part, ignore_errors=True)
        (part / "data").mkdir(parents=True)
        save_array(part / GOLDEN_INPUTS, context.golden())
        save_array(part / TEST_IMAGES, test.images)
        save_array(part / TEST_LABELS, test.labels)
        for network in networks:
            _copy_files(network, part / network.folder)
        if context.engine and any(network.needs_library for network in networks):
            sparse.put_library(context.engine, part)
        manifest = manifest_of(context, networks, len(test.labels), build_key, verify.file_entries(part))
        verify.write_manifest(part, manifest)
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            target.rename(old)
        part.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    context.on_step(Step("", "bundle", 1, 1, str(target)))
    return verify.open_bundle(target)


def _copy_files(finished: FinishedNetwork, folder: Path) -> None:
    """A network's files from the folders of its steps."""
    folder.mkdir(parents=True)
    shutil.copyfile(finished.trained.folder / GRAPH, folder / GRAPH)
    for name in (export.MODEL, export.GOLDEN_LOGITS):
        shutil.copyfile(finished.exported.folder / name, folder / name)
    if finished.native and finished.native.made:
        shutil.copyfile(finished.native.made.folder / sparse.MODEL, folder / sparse.MODEL)
    for variant in finished.variants:
        for name in (variant.spec.model, variant.spec.golden_logits):
            shutil.copyfile(variant.made.folder / name, folder / name)
    for built in finished.engines:
        shutil.copyfile(built.file, folder / built.file.name)
