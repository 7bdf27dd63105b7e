"""What a bundle says of itself, from its finished steps."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sis_agent.schema import Preprocess
from sis_edge.backends.variants import INT8_NATIVE
from sis_edge.build.context import BuildContext
from sis_edge.build.networks import PlannedNetwork
from sis_edge.build.steps.engines import Built
from sis_edge.build.steps.export import GOLDEN_LOGITS, MODEL
from sis_edge.build.steps.native import NativeForm
from sis_edge.build.steps.variants import MadeVariant
from sis_edge.bundles.manifest import (
    BUNDLE_VERSION,
    FileEntry,
    Granularities,
    Manifest,
    NetworkEntry,
    Training,
    Variant,
)
from sis_edge.bundles.own_images import OwnImages
from sis_edge.bundles.provenance import provenance
from sis_edge.bundles.sparse_form import Parity
from sis_edge.exporting import sparse
from sis_edge.files import stages
from sis_edge.formation import Formation, preset_of
from sis_edge.formation.compaction import compact
from sis_edge.registries import GRANULARITIES

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset

GRAPH = "graph.npz"
GOLDEN_INPUTS = "data/golden_inputs.npy"
TEST_IMAGES = "data/test_images.npy"
TEST_LABELS = "data/test_labels.npy"

GOLDEN_TOLERANCE = 1e-3
"""Largest difference of a logit on a board from the host's: other processors round and order sums differently."""


@dataclass(frozen=True)
class FinishedNetwork:
    """One network's finished steps. `native` is None where no native kernels are asked for."""

    network: PlannedNetwork
    trained: stages.Outcome
    exported: stages.Outcome
    native: NativeForm | None
    variants: list[MadeVariant]
    engines: list[Built]

    @property
    def folder(self) -> str:
        """The network's folder in the bundle."""
        return f"networks/{self.network.name}"

    @property
    def needs_library(self) -> bool:
        """Whether a form of it runs with the library of native kernels."""
        has_native = self.native is not None and self.native.made is not None
        return has_native or any("library" in variant.made.summary for variant in self.variants)


def manifest_of(
    context: BuildContext,
    networks: list[FinishedNetwork],
    test_images: int,
    build_key: str,
    files: tuple[FileEntry, ...],
) -> Manifest:
    """The manifest of a bundle with these networks and files."""
    plan, dataset = context.plan, context.dataset
    return Manifest(
        bundle_version=BUNDLE_VERSION,
        build_key=build_key,
        name=plan.name,
        profile=plan.profile.name,
        dataset=plan.dataset,
        dataset_sha256=dataset.sha256,
        preprocess=Preprocess(list(dataset.mean), list(dataset.std), dataset.resize),
        classes=dataset.classes,
        own_images=_own_images(dataset),
        golden_tolerance=GOLDEN_TOLERANCE,
        golden_inputs=GOLDEN_INPUTS,
        golden_images=context.golden_images,
        test_images=TEST_IMAGES,
        test_labels=TEST_LABELS,
        test_image_count=test_images,
        reference=plan.reference_name,
        networks=tuple(_entry(context, network) for network in networks),
        provenance=provenance(),
        files=files,
    )


def _own_images(dataset: "Dataset") -> OwnImages | None:
    """How a user's own images were divided; None for a data set of the registry."""
    split = dataset.split
    if split is None:
        return None
    return OwnImages(
        source_name=split.name,
        source=dataset.source,
        split_by=split.by,
        split_seed=split.seed,
        test_share=split.test_share,
        skipped=split.skipped,
        flip=dataset.flip,
    )


def granularities(formation: Formation) -> Granularities:
    """The units of a formation, with the width of blocks where there are any."""
    units = [GRANULARITIES[unit] for unit in (formation.conv, formation.micro) if unit in GRANULARITIES]
    has_blocks = any(unit.has_blocks for unit in units)
    return Granularities(conv=formation.conv, micro=formation.micro, block=formation.block if has_blocks else None)


def _entry(context: BuildContext, finished: FinishedNetwork) -> NetworkEntry:
    from sis_edge.exporting.onnx_file import OPSET

    network, folder = finished.network, finished.folder
    graph, formation, paper = network.graph, network.graph.formation, preset_of(network.graph)
    native = finished.native
    return NetworkEntry(
        name=network.name,
        granularity=granularities(formation),
        distribution=formation.distribution,
        preset=network.preset.name if network.preset else None,
        preset_synapses=network.preset.synapses if network.preset else None,
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
        paper_accuracy=paper.paper_accuracy.get(context.plan.dataset) if paper else None,
        model=f"{folder}/{MODEL}",
        graph=f"{folder}/{GRAPH}",
        golden_logits=f"{folder}/{GOLDEN_LOGITS}",
        parity=Parity(**finished.exported.summary),
        opset=OPSET,
        variants=tuple(_variant(folder, variant, native) for variant in finished.variants),
        engines=tuple(built.entry(network.name) for built in finished.engines),
        sparse=sparse.form_of(network.name, native.engine, native.plan, native.made, native.winograd)
        if native
        else None,
        training=_training(context, finished),
    )


def _variant(folder: str, variant: MadeVariant, native: NativeForm | None) -> Variant:
    spec = variant.spec
    return Variant(
        model=f"{folder}/{spec.model}",
        golden_logits=f"{folder}/{spec.golden_logits}",
        expected_s=native.plan.int8_s if native is not None and spec == INT8_NATIVE else None,
        **variant.made.summary,
    )


def _training(context: BuildContext, finished: FinishedNetwork) -> Training:
    own, entry = finished.network.trained, context.taken.get(finished.network.name)
    if own is not None:
        return Training(
            epochs=own.epochs,
            seed=own.seed,
            recipe=own.recipe,
            precision=own.precision,
            train_images=own.train_images,
            **finished.trained.summary,
        )
    if entry is not None:
        return Training(
            epochs=entry.recipe["epochs"],
            seed=entry.seed,
            recipe=entry.recipe_words,
            precision=entry.recipe["precision"],
            train_images=entry.train_images,
            zoo=entry.name,
            teacher=entry.recipe.get("teacher"),
            **finished.trained.summary,
        )
    plan = context.plan
    recipe = context.recipe_of(finished.network.graph)
    words = f", {plan.group.name}" if plan.group else ""
    return Training(
        epochs=recipe.epochs,
        seed=plan.seed,
        recipe=f"{recipe.describe()}{words}",
        precision=recipe.precision,
        teacher=recipe.teacher or None,
        train_images=len(context.train_images.labels),
        **finished.trained.summary,
    )
