"""What `build`, `bundle show` and `bundle verify` say of a bundle."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import DENSE_ALGORITHM, Document, Part, known

if TYPE_CHECKING:
    from sis_edge.build.pipeline import BuildResult
    from sis_edge.bundles import manifest, sparse_form
    from sis_edge.bundles.verify import Bundle

OWN_GRAPH = "a graph of the user's own, not a preset"
OWN_TRAINING = "trained by the user, who did not say"
UNCOUNTED = "the model holds what sis-edge cannot count"
NO_FIGURE = "the paper has no figure for this data set"


class VariantSummary(Part):
    """The network in another precision, for a runtime; accuracy by ONNX Runtime on the host.

    `expected_s` are the seconds of one image that the board's calibration lets expect.
    """

    name: str
    precision: str
    runtime: str
    model: str
    model_bytes: int
    host_accuracy: float
    expected_s: float | None


class LayerKernels(Part):
    """What computes a layer in the form with native kernels, and why; `algorithm` is that of native kernels."""

    layer: str
    density: float
    chosen: Literal["dense", "native"]
    algorithm: Literal["direct", "winograd"] | None
    why: str


class NativeSummary(Part):
    """The form with native sparse kernels: `model` is null where there is none."""

    model: str | None
    basis: str
    layers: tuple[LayerKernels, ...]
    warnings: tuple[str, ...]


class BundleGranularity(Part):
    """The unit that exists or not: in convolutional layers, in micro networks; `block` is the width of blocks."""

    conv: str
    micro: str
    block: int | None


class BundleNetwork(Part):
    """One network of a bundle: structure, accuracy on the host's test images, and where its weights come from.

    `zoo` is the network of the zoo that they were taken from.
    """

    name: str
    granularity: BundleGranularity
    t_c: float
    t_p: float
    conv_synapses: int
    micro_synapses: int
    synapses: int
    preset_synapses: int | None
    architectural_efficiency: float
    macs: int
    macs_live: int
    mac_ratio: float
    ceiling: float
    host_accuracy: float
    host_test_images: int
    paper_accuracy: float | None
    zoo: str | None
    epochs: int | None
    train_images: int | None
    training_precision: str | None
    recipe: str
    seed: int | None
    model: str
    model_bytes: int
    variants: tuple[VariantSummary, ...]
    native: NativeSummary | None


class TensorSummary(Part):
    """An input or output as it is run; `dtype` as numpy names it."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class GivenSummary(Part):
    """A network of the user's own. `expected_from` says where the outputs that a board must compute come from."""

    name: str
    runtime: Literal["onnx", "tflite"]
    source_name: str
    source_sha256: str
    model: str
    model_bytes: int
    opset: int | None
    parameters: int | None
    macs: int | None
    inputs: tuple[TensorSummary, ...]
    outputs: tuple[TensorSummary, ...]
    inputs_are_random: bool
    inputs_seed: int | None
    expected_from: str | None
    golden_tolerance: float
    golden_relative_tolerance: float
    has_labels: bool


class BundleSummary(Part):
    """A bundle. `reference` names the network that the others are compared with."""

    path: str
    bundle_id: str
    name: str
    profile: str
    dataset: str | None
    reference: str | None
    files: int
    size_bytes: int
    networks: tuple[BundleNetwork, ...]
    given: tuple[GivenSummary, ...] = ()


class BundleDocument(Document):
    """`sis-edge bundle show`: a bundle's networks."""

    document: Literal["bundle-show"] = "bundle-show"
    bundle: BundleSummary


class BuildDocument(Document):
    """`sis-edge build`: the bundle. `was_done`: it was there before; `left_out`: presets that the zoo lacks;
    `replaced`: the id of another bundle that stood in its folder.
    """

    document: Literal["build"] = "build"
    was_done: bool
    replaced: str | None
    left_out: tuple[str, ...]
    bundle: BundleSummary


class BundleLibrary(Part):
    """A program in a bundle, which runs as the user; `is_ours`: it was made on this machine."""

    path: str
    sha256: str
    is_ours: bool


class VerifyDocument(Document):
    """`sis-edge bundle verify`: a sound bundle; one with a changed, missing or extra file is an error.

    `signed_by` is a name in the user's allowed signers.
    """

    document: Literal["bundle-verify"] = "bundle-verify"
    path: str
    bundle_id: str
    files: int
    size_bytes: int
    libraries: tuple[BundleLibrary, ...] = ()
    signed_by: str | None


class SignDocument(Document):
    """`sis-edge bundle sign`: the bundle and the file that signs its manifest, in OpenSSH's format."""

    document: Literal["bundle-sign"] = "bundle-sign"
    path: str
    bundle_id: str
    signature: str


def shown(bundle: "Bundle") -> BundleDocument:
    """The document of a bundle."""
    return BundleDocument(bundle=_bundle(bundle))


def built(result: "BuildResult", left_out: Sequence[str]) -> BuildDocument:
    """The document of a build."""
    return BuildDocument(
        was_done=result.was_done,
        left_out=tuple(left_out),
        bundle=_bundle(result.bundle),
        **known(replaced=(result.replaced and result.replaced.id, "no other bundle stood in its folder")),
    )


def verified(bundle: "Bundle") -> VerifyDocument:
    """The document of a bundle in which nothing is wrong; raises BundleError for a false signature."""
    from sis_edge.bundles import signatures, trust
    from sis_edge.errors import BundleError

    entries, strange = bundle.manifest.files, trust.foreign(bundle)
    signature = signatures.read(bundle)
    if signature is not None and signature.is_false:
        raise BundleError(f"{bundle.path}: {signature.why_not}; was the bundle changed after it was signed?")
    return VerifyDocument(
        path=str(bundle.path),
        bundle_id=bundle.id,
        files=len(entries),
        size_bytes=sum(entry.size_bytes for entry in entries),
        libraries=tuple(
            BundleLibrary(path=entry.path, sha256=entry.sha256, is_ours=entry not in strange)
            for entry in trust.programs(bundle)
        ),
        **known(
            signed_by=(signature and signature.signer, (signature and signature.why_not) or "the bundle is not signed")
        ),
    )


def _bundle(bundle: "Bundle") -> BundleSummary:
    manifest = bundle.manifest
    sizes = {entry.path: entry.size_bytes for entry in manifest.files}
    return BundleSummary(
        path=str(bundle.path),
        bundle_id=bundle.id,
        name=manifest.name,
        profile=manifest.profile,
        files=len(sizes),
        size_bytes=sum(sizes.values()),
        networks=tuple(_network(entry, sizes) for entry in manifest.networks),
        given=tuple(_given(network, sizes) for network in manifest.given),
        **known(
            dataset=(manifest.dataset, "its networks are the user's own"),
            reference=(manifest.reference, "the bundle names none"),
        ),
    )


def _network(entry: "manifest.NetworkEntry", sizes: dict[str, int]) -> BundleNetwork:
    training = entry.training
    return BundleNetwork(
        name=entry.name,
        granularity=granularity(entry),
        t_c=entry.t_c,
        t_p=entry.t_p,
        conv_synapses=entry.conv_synapses,
        micro_synapses=entry.micro_synapses,
        synapses=entry.synapses,
        architectural_efficiency=entry.architectural_efficiency,
        macs=entry.macs,
        macs_live=entry.macs_live,
        mac_ratio=entry.mac_ratio,
        ceiling=entry.ceiling,
        host_accuracy=training.host_accuracy,
        host_test_images=training.host_test_images,
        recipe=training.recipe,
        model=entry.model,
        model_bytes=sizes[entry.model],
        variants=tuple(_variant(each, sizes, entry.sparse) for each in entry.variants),
        **known(
            preset_synapses=(entry.preset_synapses, OWN_GRAPH),
            paper_accuracy=(entry.paper_accuracy, NO_FIGURE),
            zoo=(training.zoo, "trained by the build"),
            epochs=(training.epochs, OWN_TRAINING),
            train_images=(training.train_images, OWN_TRAINING),
            training_precision=(training.precision, OWN_TRAINING),
            seed=(training.seed, OWN_TRAINING),
            native=(entry.sparse and _native(entry.sparse), "the profile asks for no native kernels"),
        ),
    )


def _given(network: "manifest.GivenNetwork", sizes: dict[str, int]) -> GivenSummary:
    compared = network.expected is not None
    return GivenSummary(
        name=network.name,
        runtime=network.runtime,
        source_name=network.source_name,
        source_sha256=network.source_sha256,
        model=network.model,
        model_bytes=sum(sizes[path] for path in (network.model, *network.external_data)),
        inputs=tuple(TensorSummary(**spec.model_dump()) for spec in network.input_tensors),
        outputs=tuple(TensorSummary(**spec.model_dump()) for spec in network.output_tensors),
        inputs_are_random=network.inputs_are_random,
        golden_tolerance=network.golden_tolerance,
        golden_relative_tolerance=network.golden_relative_tolerance,
        has_labels=network.labels is not None,
        **known(
            opset=(network.opset, "the model names no version of ONNX's operators"),
            parameters=(network.parameters, UNCOUNTED),
            macs=(network.macs, UNCOUNTED),
            inputs_seed=(network.inputs_seed, "the inputs are the user's own"),
            expected_from=(
                network.expected_from if compared else None,
                network.expected_from or "nothing is known of the outputs",
            ),
        ),
    )


def granularity(entry: "manifest.NetworkEntry") -> BundleGranularity:
    """The units of a network."""
    units = entry.granularity
    return BundleGranularity(
        conv=units.conv, micro=units.micro, **known(block=(units.block, "these units have no width"))
    )


def _why_unexpected(variant: "manifest.Variant", form: "sparse_form.SparseForm | None") -> str:
    from sis_edge.native.costs import NO_INT8

    if variant.form != "native":
        return "a calibration knows native kernels only"
    return NO_INT8 if form is not None and form.calibration else "the board was not calibrated"


def _variant(
    variant: "manifest.Variant", sizes: dict[str, int], form: "sparse_form.SparseForm | None"
) -> VariantSummary:
    return VariantSummary(
        name=variant.name,
        precision=variant.precision,
        runtime=variant.runtime,
        model=variant.model,
        model_bytes=sizes[variant.model],
        host_accuracy=variant.host_accuracy,
        **known(expected_s=(variant.expected_s, _why_unexpected(variant, form))),
    )


def _native(form: "sparse_form.SparseForm") -> NativeSummary:
    model = form.network and form.network.model
    return NativeSummary(
        basis=form.basis,
        layers=tuple(
            LayerKernels(
                layer=each.layer,
                density=each.share,
                chosen=each.chosen,
                why=each.why,
                **known(algorithm=(each.algorithm if each.chosen == "native" else None, DENSE_ALGORITHM)),
            )
            for each in form.layers
        ),
        warnings=(form.doubt,) if form.doubt else (),
        **known(model=(model, form.absent or "no layer takes native kernels")),
    )
