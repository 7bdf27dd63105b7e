"""A network in the other precisions that the profile's runtimes want."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.backends.variants import VariantSpec
from sis_edge.build.context import BuildContext
from sis_edge.build.plan import VARIANTS_VERSION, Step
from sis_edge.files import stages
from sis_edge.files.hashing import file_sha256

if TYPE_CHECKING:
    from sis_edge.exporting.variants import Original, VariantSamples


@dataclass(frozen=True)
class MadeVariant:
    """A variant and its finished step."""

    spec: VariantSpec
    made: stages.Outcome


def original_of(context: BuildContext, model: Path) -> "Callable[[], Original]":
    """What variants of the ONNX file `model` are made of; not needed where all was done before."""
    from sis_edge.exporting import variants

    return cache(lambda: variants.Original(model, _samples(context)))


def inputs_of(context: BuildContext, version: int, spec: VariantSpec, model: Path) -> dict[str, Any]:
    """What decides a variant of the ONNX file `model`."""
    return {
        "version": version,
        "spec": asdict(spec),
        "model": file_sha256(model),
        "dataset": context.dataset.sha256,
        "train_images": len(context.train_images.labels),
        "test_images": context.plan.test_images,
    }


def run(context: BuildContext, network: str, model: Path, original: "Callable[[], Original]") -> list[MadeVariant]:
    """The finished variants of the ONNX file `model`, in the profile's order."""
    from sis_edge.exporting import variants

    specs = context.plan.profile.variant_specs
    finished = []
    for position, spec in enumerate(specs):
        context.on_step(Step(network, "variants", position, len(specs), spec.name))
        inputs = inputs_of(context, VARIANTS_VERSION, spec, model)

        def make(folder: Path, spec: VariantSpec = spec) -> dict[str, Any]:
            return variants.make(original(), spec, folder)

        finished.append(MadeVariant(spec, stages.run(context.root, "variant", inputs, make)))
        context.on_step(Step(network, "variants", position + 1, len(specs), spec.name))
    return finished


def _samples(context: BuildContext) -> "VariantSamples":
    """Images from the training set's ends to calibrate and to decide, the bundle's test images to test."""
    from sis_edge.datasets import ImageSet
    from sis_edge.exporting.variants import Labelled, VariantSamples, split

    train, test = context.train_images, context.test_images
    calibrating, deciding_part = split(len(train))
    deciding = ImageSet(train.images[deciding_part], train.labels[deciding_part])
    return VariantSamples(
        calibration=context.normalised(ImageSet(train.images[calibrating], train.labels[calibrating])),
        deciding=Labelled(context.normalised(deciding), deciding.labels),
        test=Labelled(context.normalised(test), test.labels),
        golden_images=context.golden_images,
    )
