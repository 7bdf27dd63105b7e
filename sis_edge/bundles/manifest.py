"""The manifest of a bundle: all that it says of itself, with the SHA-256 and size of every file.

    build/<name>/
      manifest.json
      networks/<network>/model.onnx, graph.npz, golden_logits.npy
      networks/<network>/<variant>.onnx, <variant>.golden.npy       where the profile asks for other precisions
      networks/<network>/rtx-<precision>.plan                       engines for desktop GPUs, where the profile asks
      networks/<network>/sparse.onnx                                where native kernels compute some of its layers
      native/<architecture>/libsis_edge.so                          those kernels
      data/golden_inputs.npy, test_images.npy, test_labels.npy

History of BUNDLE_VERSION:
    1   first version
    2   networks in other precisions (variants), their opset, the preset's count beside the formed one
    3   networks with native sparse kernels, what computes each layer and why (sparse); engines for desktop GPUs
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sis_agent.schema import Preprocess

BUNDLE_VERSION = 3
MANIFEST = "manifest.json"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FileEntry(_Model):
    """One file of the bundle; `path` is relative to the bundle's folder, with forward slashes."""

    path: str
    sha256: Sha256
    size_bytes: int = Field(ge=0)


class Parity(_Model):
    """How the exported network agrees with PyTorch's on real images, on the host."""

    images: int = Field(ge=1)
    max_abs_difference: float = Field(ge=0)
    top1_agreement: float = Field(ge=0, le=1)


class Training(_Model):
    """What the weights come from; `train_images` is below the data set's size where a build was limited.

    `zoo` is the name of the network in the zoo that they were taken from, None where this build trained them.
    """

    epochs: int = Field(ge=0)
    seed: int
    recipe: str
    precision: str
    train_images: int = Field(ge=1)
    host_accuracy: float = Field(ge=0, le=1)
    host_test_images: int = Field(ge=1)
    zoo: str | None = None


class PairedTest(_Model):
    """A network against the same one in float32, on the same images: McNemar's exact test, two-sided.

    `lost` images only float32 classifies correctly, `won` only this one.
    """

    images: int = Field(ge=1)
    lost: int = Field(ge=0)
    won: int = Field(ge=0)
    p_value: float = Field(ge=0, le=1)


class Variant(_Model):
    """The same network in another precision, for a runtime; accuracy and agreement by ONNX Runtime on the host.

    `fp32_accuracy` is that of the network itself on the same test images. `float_layers` are those that INT8 leaves
    alone, chosen by `paired_tests` (on images that are neither the calibration's nor the test's; empty in bundles that
    were built before there were any); `trials` are the accuracies on the same images, both by the layers in float.
    `golden_tolerance` is what its golden logits, its own, may differ on a board.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    precision: Literal["fp16", "int8"]
    runtime: Literal["tensorrt", "onnxruntime"]
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


class RtxEngine(_Model):
    """An engine of TensorRT for RTX for these compute capabilities, built ahead of time from the ONNX `source`.

    Its golden logits are those of the source; their tolerance of None is the bundle's.
    """

    precision: Literal["fp32", "fp16", "int8"]
    plan: str
    source: str
    golden_logits: str
    golden_tolerance: float | None = Field(default=None, ge=0)
    compute_capabilities: tuple[str, ...]
    version: str
    build_s: float = Field(ge=0)


class LayerChoice(_Model):
    """What computes a layer: ONNX Runtime's dense convolution or native kernels, and why.

    `share` of its kernels exist; `block` neighbouring filters share inputs. The expected seconds, one image and
    without copies between layouts, are None where the board was not calibrated.
    """

    layer: str
    kernel: int
    inputs: int
    filters: int
    share: float = Field(ge=0, le=1)
    chosen: Literal["dense", "native"]
    block: int
    dense_s: float | None
    native_s: float | None
    why: str


class SparseNetwork(_Model):
    """The network with native nodes for ONNX Runtime, in float32, and the library of kernels that it needs.

    Its golden logits are the plain network's, for it computes the same. Accuracy and agreement with the plain network
    are ONNX Runtime's on the host, None with the reason in `unchecked` where the host cannot run it.
    """

    model: str
    library: str
    host_accuracy: float | None = Field(ge=0, le=1)
    agreement: Parity | None
    unchecked: str | None


class SparseForm(_Model):
    """What computes each layer where native kernels may: the choice, what it stands on, and the network that is so.

    `calibration` is the digest of the board's. The expected seconds of one inference on `threads` threads (dense
    network, this one in ONNX Runtime alone, as chosen) are None without a calibration; `doubt` says why they are to be
    doubted, where they are. `absent` says why there is no such network.
    """

    layers: tuple[LayerChoice, ...]
    basis: str
    calibration: str | None = None
    threads: int = 1
    doubt: str | None = None
    dense_s: float | None = None
    compact_s: float | None = None
    chosen_s: float | None = None
    network: SparseNetwork | None = None
    absent: str | None = None


class NetworkEntry(_Model):
    """One network: its structure in numbers, its files and where its weights come from.

    `macs_live` counts multiply-accumulates after compaction. `paper_accuracy` is the paper's on this data set,
    None where the paper has no figure for it. `preset_synapses` is the count of the preset that it was formed from,
    None for a graph of the user's own; another granularity than the paper's may miss it. `sparse` is None where the
    profile asks for no native kernels.
    """

    name: str
    granularity: str
    t_c: float
    t_p: float
    graph_seed: int
    graph_sha256: Sha256
    conv_synapses: int
    micro_synapses: int
    synapses: int
    architectural_efficiency: float
    macs: int
    macs_live: int
    mac_ratio: float
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
    def ceiling(self) -> float:
        """Multiply-accumulates of the dense network over those left after compaction: the speed-up of equal kernels."""
        return self.mac_ratio * self.macs / self.macs_live


class Provenance(_Model):
    """What made the bundle."""

    sis_edge: str
    created_at: str
    python: str
    packages: dict[str, str]
    host_machine: str
    host_cpu: str | None


class Manifest(_Model):
    """All that a bundle says of itself. `networks[0]` need not be the dense one: `dense` names it, if it is there."""

    bundle_version: int
    build_key: Sha256
    name: str
    profile: str
    dataset: str
    dataset_sha256: Sha256
    preprocess: Preprocess
    golden_tolerance: float
    golden_inputs: str
    golden_images: int
    test_images: str
    test_labels: str
    test_image_count: int
    dense: str | None
    networks: tuple[NetworkEntry, ...]
    provenance: Provenance
    files: tuple[FileEntry, ...]

    @model_validator(mode="after")
    def _names_only_what_it_lists(self) -> Self:
        named = [self.golden_inputs, self.test_images, self.test_labels]
        for network in self.networks:
            named += [network.model, network.graph, network.golden_logits]
            named += [name for variant in network.variants for name in (variant.model, variant.golden_logits)]
            named += [name for engine in network.engines for name in (engine.plan, engine.source, engine.golden_logits)]
            if network.sparse and (native := network.sparse.network):
                named += [native.model, native.library]
        missing = sorted(set(named) - {entry.path for entry in self.files})
        if missing:
            raise ValueError(f"{missing[0]} is named and not listed among the files")
        if not self.networks or len({network.name for network in self.networks}) < len(self.networks):
            raise ValueError("a bundle has one network or more, each name once")
        return self
