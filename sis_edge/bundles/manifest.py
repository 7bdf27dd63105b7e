"""The manifest of a bundle: all that it says of itself, with the SHA-256 and size of every file.

    build/<name>/
      manifest.json
      networks/<network>/model.onnx, graph.npz, golden_logits.npy
      networks/<network>/<variant>.onnx, <variant>.golden.npy       where the profile asks for other precisions
      networks/<network>/rtx-<precision>.plan                       engines for desktop GPUs, where the profile asks
      networks/<network>/sparse.onnx                                where native kernels compute some of its layers
      networks/<network>/int8-native.onnx, int8-native.golden.npy   where they compute all of them in INT8
      networks/<network>/fp16-native.onnx, fp16-native.golden.npy   where they do in half precision
      native/<architecture>/libsis_edge.so                          those kernels
      data/golden_inputs.npy, test_images.npy, test_labels.npy
      given/<network>/model.onnx or model.tflite                    networks of the user's own, and beside the model its
      given/<network>/inputs.npz, expected.npz, labels.npy          external data; the last two where they are known

History of BUNDLE_VERSION:
    1   first version
    2   networks in other precisions (variants), their opset, the preset's count beside the formed one
    3   networks with native sparse kernels, what computes each layer and why (sparse); engines for desktop GPUs
    4   identity as data: form, precision, granularity by its parts, the preset, the reference instead of `dense`
    5   networks of the user's own (given); a bundle of these only has no data set and none of what comes of one
    6   networks in INT8 with native sparse kernels: variants of the form `native`, with the library that they need;
        layers by Winograd's algorithm, and what it changes (LayerChoice.algorithm, SparseForm.winograd);
        seconds expected in INT8 (Variant.expected_s); what Winograd's algorithm saves (SparseForm.saved_macs)
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sis_agent.schema import Preprocess
from sis_edge.bundles.identity import Form
from sis_edge.bundles.own_images import OwnImages
from sis_edge.bundles.sparse_form import Parity, SparseForm
from sis_edge.files.model import FrozenModel

BUNDLE_VERSION = 6
MANIFEST = "manifest.json"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

WrongImages = Annotated[str, Field(pattern=r"^(\d+( \d+)*)?$")]
"""Numbers of the test images that a network classifies wrongly (see `wrong_images`): what a paired comparison needs."""


class FileEntry(FrozenModel):
    """One file of the bundle; `path` is relative to the bundle's folder, with forward slashes."""

    path: str
    sha256: Sha256
    size_bytes: int = Field(ge=0)


class Training(FrozenModel):
    """What the weights come from; `train_images` is below the data set's size where a build was limited.

    `zoo` is the name of the network in the zoo that they were taken from. What is not known of weights that a user
    brought is None, as is `host_wrong` where accuracy was only counted. `teacher` is the network whose outputs were
    learned, too; None: there was none.
    """

    epochs: int | None = Field(ge=0)
    seed: int | None
    recipe: str
    precision: str | None
    train_images: int | None = Field(ge=1)
    host_accuracy: float = Field(ge=0, le=1)
    host_test_images: int = Field(ge=1)
    zoo: str | None = None
    host_wrong: WrongImages | None = None
    teacher: str | None = None


class PairedTest(FrozenModel):
    """A network against the same one in float32, on the same images: McNemar's exact test, two-sided.

    `lost` images only float32 classifies correctly, `won` only this one.
    """

    images: int = Field(ge=1)
    lost: int = Field(ge=0)
    won: int = Field(ge=0)
    p_value: float = Field(ge=0, le=1)


class Variant(FrozenModel):
    """The same network in another precision, for a runtime; accuracy and agreement by ONNX Runtime on the host.

    `fp32_accuracy` is that of the network itself on the same test images. `float_layers` are those that INT8 leaves
    alone, chosen by `paired_tests` (on images that are neither the calibration's nor the test's; empty in bundles that
    were built before there were any); `trials` are the accuracies on the same images, both by the layers in float.
    `golden_tolerance` is what its golden logits, its own, may differ on a board. `host_wrong` and `fp32_wrong` are the
    test images that this one and the network in float32 classify wrongly.
    One of the form `native` needs `library`; in INT8 its logits are the same bits on every processor. `expected_s` are
    the seconds of one image that the calibration of `sparse` lets expect of it, on the threads that are there; None for
    all other forms, and without a calibration.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    form: Form = "plain"
    precision: str
    runtime: str
    model: str
    golden_logits: str
    golden_tolerance: float = Field(ge=0)
    host_accuracy: float = Field(ge=0, le=1)
    fp32_accuracy: float = Field(ge=0, le=1)
    host_test_images: int = Field(ge=1)
    agreement: Parity
    float_layers: tuple[str, ...] = ()
    trials: dict[str, float] = {}
    paired_tests: dict[str, PairedTest] = {}
    host_wrong: WrongImages | None = None
    fp32_wrong: WrongImages | None = None
    library: str | None = None
    expected_s: float | None = Field(default=None, ge=0)


class RtxEngine(FrozenModel):
    """An engine of TensorRT for RTX for these compute capabilities, built ahead of time from the ONNX `source`.

    Its golden logits are those of the source; their tolerance of None is the bundle's.
    """

    form: Form = "plain"
    precision: str
    plan: str
    source: str
    golden_logits: str
    golden_tolerance: float | None = Field(default=None, ge=0)
    compute_capabilities: tuple[str, ...]
    version: str
    build_s: float = Field(ge=0)


class Granularities(FrozenModel):
    """The unit that exists or not in convolutional layers and in micro networks, with a width if `block` has one."""

    conv: str
    micro: str
    block: int | None = Field(default=None, ge=1)

    @property
    def unit(self) -> str:
        """That of the convolutional layers, in a word: `kernel`, or `block:16`."""
        return self.conv if self.block is None else f"{self.conv}:{self.block}"

    @property
    def words(self) -> str:
        """Both, as reports show them."""
        return f"{self.unit} / {self.micro}"


class NetworkEntry(FrozenModel):
    """One network: its structure in numbers, its files and where its weights come from.

    `macs_live` counts multiply-accumulates after compaction. `paper_accuracy` is the paper's on this data set,
    None where the paper has no figure for it. `preset` names the network of the paper that it was formed from, and
    `preset_synapses` that one's count, which another granularity than the paper's may miss; both are None for a graph
    of the user's own. `sparse` is None where the profile asks for no native kernels.
    """

    name: str
    form: Form = "plain"
    precision: str = "fp32"
    granularity: Granularities
    distribution: str | None = None
    preset: str | None = None
    t_c: float
    t_p: float
    graph_seed: int
    graph_sha256: Sha256
    conv_synapses: int
    micro_synapses: int
    synapses: int
    architectural_efficiency: float
    macs: int = Field(ge=1)
    macs_live: int = Field(ge=1)
    mac_ratio: float = Field(gt=0)
    paper_accuracy: float | None
    model: str
    graph: str
    golden_logits: str
    parity: Parity
    training: Training
    opset: int | None = None
    preset_synapses: int | None = None
    variants: tuple[Variant, ...] = ()
    engines: tuple[RtxEngine, ...] = ()
    sparse: SparseForm | None = None

    @property
    def programs(self) -> tuple[str, ...]:
        """The files of it that a board runs as programs: libraries of kernels, and engines."""
        found = [variant.library for variant in self.variants if variant.library is not None]
        if self.sparse is not None and self.sparse.network is not None:
            found.append(self.sparse.network.library)
        return (*found, *(engine.plan for engine in self.engines))

    @property
    def int8_expected_s(self) -> float | None:
        """The seconds of an image that are expected of native kernels in INT8."""
        return next((variant.expected_s for variant in self.variants if variant.form == "native"), None)

    @property
    def ceiling(self) -> float:
        """Multiply-accumulates of the dense network over those left after compaction: the speed-up of equal kernels."""
        return self.mac_ratio * self.macs / self.macs_live

    @property
    def is_dense(self) -> bool:
        """Whether all synapses of its architecture exist."""
        return self.t_c == self.t_p == 1

    @property
    def dense_macs(self) -> int:
        """Multiply-accumulates of an image in the dense network that it was formed from."""
        return round(self.mac_ratio * self.macs)

    @property
    def work(self) -> int | None:
        """Multiply-accumulates of an image, less what Winograd's algorithm saves in this form; None: unknown."""
        if self.form != "native" or self.precision != "fp32" or self.sparse is None:
            return self.macs_live
        if self.sparse.saved_macs is None:
            uses_winograd = any(layer.algorithm == "winograd" for layer in self.sparse.layers)
            return None if uses_winograd else self.macs_live
        return max(1, self.macs_live - self.sparse.saved_macs)


class TensorSpec(FrozenModel):
    """An input or output of a network as it is run: every axis fixed, `dtype` as numpy names it."""

    name: str
    dtype: str
    shape: tuple[Annotated[int, Field(ge=1)], ...]


BY_USER = "given by the user"
"""`expected_from` of a network whose outputs do not come from the host."""


class GivenNetwork(FrozenModel):
    """A network of the user's own, measured as it is: paths are in the bundle.

    `inputs` is an .npz with one array for each input, by name; they are `inputs_are_random` from `inputs_seed` where
    the user brought none. `expected` is an .npz with outputs by name, None where nobody could compute them on the host;
    `expected_from` says where they come from, or why there are none. They may differ by `golden_tolerance` and by the
    share `golden_relative_tolerance` of the expected value. `labels` is an .npy of classes, one for each row of the
    inputs. `source_name` and `source_sha256` are those of the user's file. Counts that are not known are None.
    """

    name: str
    form: Form = "plain"
    precision: str = "fp32"
    runtime: Literal["onnx", "tflite"] = "onnx"
    model: str
    external_data: tuple[str, ...] = ()
    inputs: str
    expected: str | None
    expected_from: str | None
    labels: str | None
    golden_tolerance: float = Field(ge=0)
    golden_relative_tolerance: float = Field(default=0, ge=0)
    input_tensors: tuple[TensorSpec, ...]
    output_tensors: tuple[TensorSpec, ...]
    opset: int | None
    source_name: str
    source_sha256: Sha256
    inputs_are_random: bool
    inputs_seed: int | None
    parameters: int | None
    macs: int | None

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of the bundle that belongs to it."""
        return (
            self.model,
            *self.external_data,
            self.inputs,
            *(path for path in (self.expected, self.labels) if path is not None),
        )


class Provenance(FrozenModel):
    """What made the bundle."""

    sis_edge: str
    created_at: str
    python: str
    packages: dict[str, str]
    host_machine: str
    host_cpu: str | None


class Manifest(FrozenModel):
    """All that a bundle says of itself. `reference` names the network that all are compared with, if it is there.

    `networks` are formed and trained here, `given` are the user's own; what comes of a data set (preprocessing, golden
    inputs, test images) belongs to the first and is None in a bundle of the second only.

    `classes` are the names of the outputs, None in bundles that were built before there were any; `own_images` is how a
    user's own images were divided, None for a data set of the registry.
    """

    bundle_version: int
    build_key: Sha256
    name: str
    profile: str
    dataset: str | None = None
    dataset_sha256: Sha256 | None = None
    preprocess: Preprocess | None = None
    golden_tolerance: float | None = None
    golden_inputs: str | None = None
    golden_images: int | None = None
    test_images: str | None = None
    test_labels: str | None = None
    test_image_count: int | None = None
    reference: str | None
    networks: tuple[NetworkEntry, ...]
    given: tuple[GivenNetwork, ...] = ()
    provenance: Provenance
    files: tuple[FileEntry, ...]
    classes: tuple[str, ...] | None = None
    own_images: OwnImages | None = None

    @property
    def names(self) -> list[str]:
        """The names of all networks, in the order in which they are measured."""
        return [*(entry.name for entry in self.networks), *(entry.name for entry in self.given)]

    @property
    def content(self) -> str:
        """What it is about, in a word or two: its data set, or that the networks are the user's."""
        return self.dataset or "networks of your own"

    @model_validator(mode="after")
    def _names_only_what_it_lists(self) -> Self:
        missing = sorted(set(self._named()) - {entry.path for entry in self.files})
        if missing:
            raise ValueError(f"{missing[0]} is named and not listed among the files")
        if not self.names or len(set(self.names)) < len(self.names):
            raise ValueError("a bundle has one network or more, each name once")
        if self.reference is not None and self.reference not in self.names:
            raise ValueError(f"reference is {self.reference}, which is not one of the networks")
        return self

    @model_validator(mode="after")
    def _has_data_for_formed_networks(self) -> Self:
        absent = [name for name in OF_A_DATASET if getattr(self, name) is None]
        if self.networks and absent:
            raise ValueError(f"{absent[0]} is missing, and its networks were trained on a data set")
        return self

    def _named(self) -> list[str]:
        named = [path for path in (self.golden_inputs, self.test_images, self.test_labels) if path is not None]
        for network in self.networks:
            named += [network.model, network.graph, network.golden_logits]
            named += [name for variant in network.variants for name in (variant.model, variant.golden_logits)]
            named += [name for engine in network.engines for name in (engine.source, engine.golden_logits)]
            named += network.programs
            if network.sparse and (native := network.sparse.network):
                named.append(native.model)
        return named + [path for network in self.given for path in network.files]


OF_A_DATASET = (
    "dataset",
    "dataset_sha256",
    "preprocess",
    "golden_tolerance",
    "golden_inputs",
    "golden_images",
    "test_images",
    "test_labels",
    "test_image_count",
)
"""What every bundle with formed networks has, and a bundle of given networks only has not."""
