"""What exists of a network, and how much training it had: counted on the host, not measured."""

from dataclasses import dataclass

from sis_edge.bundles.manifest import GivenNetwork, TensorSpec
from sis_edge.results.rows.figure import Figure
from sis_edge.results.schema import KnownNetwork

NOT_FORMED = "sis-edge did not form this network"


@dataclass(frozen=True)
class StructureFigures:
    """Synapses and multiply-accumulates (MACs) per image, of networks that sis-edge formed.

    `t_c` and `t_p` are the densities of the convolutional layers and the micro networks, in (0, 1].
    `mac_ratio` is the dense network's MACs over `macs`, as formed. `ceiling` is for the speed-up: the MACs of the
    reference, most often the dense network, over this one's, both as they are left after compaction. It says nothing of
    a form in another precision than the reference's, whose MACs take another time, nor of another runtime. Of a
    user's network only `parameters`, `macs` and `inputs` (name, shape, type) may be known.
    """

    t_c: Figure[float]
    t_p: Figure[float]
    conv_synapses: Figure[int]
    micro_synapses: Figure[int]
    synapses: Figure[int]
    architectural_efficiency: Figure[float]
    macs: Figure[int]
    macs_live: Figure[int]
    mac_ratio: Figure[float]
    ceiling: Figure[float]
    parameters: Figure[int]
    inputs: Figure[str]


@dataclass(frozen=True)
class TrainingFigures:
    """Images and epochs of the training; unknown for weights that a user brought."""

    train_images: Figure[int]
    epochs: Figure[int]


def structure_figures(entry: KnownNetwork, ceiling: Figure[float]) -> StructureFigures:
    """The structure of a network of the bundle, and its ceiling."""
    if isinstance(entry, GivenNetwork):
        return _given(entry)
    return StructureFigures(
        t_c=Figure(entry.t_c),
        t_p=Figure(entry.t_p),
        conv_synapses=Figure(entry.conv_synapses),
        micro_synapses=Figure(entry.micro_synapses),
        synapses=Figure(entry.synapses),
        architectural_efficiency=Figure(entry.architectural_efficiency),
        macs=Figure(entry.macs),
        macs_live=Figure(entry.macs_live),
        mac_ratio=Figure(entry.mac_ratio),
        ceiling=ceiling,
        parameters=Figure.unknown("its synapses are counted, not its parameters"),
        inputs=Figure.unknown("images of the data set"),
    )


def _given(entry: GivenNetwork) -> StructureFigures:
    share, count = Figure[float].unknown(NOT_FORMED), Figure[int].unknown(NOT_FORMED)
    return StructureFigures(
        t_c=share,
        t_p=share,
        conv_synapses=count,
        micro_synapses=count,
        synapses=count,
        architectural_efficiency=share,
        macs=Figure.of(entry.macs, "its multiply-accumulates could not be counted"),
        macs_live=count,
        mac_ratio=share,
        ceiling=share,
        parameters=Figure.of(entry.parameters, "its parameters could not be counted"),
        inputs=Figure.of("; ".join(map(tensor_text, entry.input_tensors)) or None, "it has no inputs"),
    )


def tensor_text(tensor: TensorSpec) -> str:
    """A tensor for people.

    >>> tensor_text(TensorSpec(name="image", dtype="float32", shape=(1, 3, 224, 224)))
    'image 1x3x224x224 float32'
    """
    return f"{tensor.name} {'x'.join(map(str, tensor.shape)) or 'scalar'} {tensor.dtype}"


def ceiling(entry: KnownNetwork, dense: KnownNetwork | None, is_same_runtime: bool = True) -> Figure[float]:
    """The ratio of the reference's multiply-accumulates to the network's, for forms of one precision and runtime.

    Both as they are left after compaction; without a reference it is the dense network's that it was formed from.
    """
    if isinstance(entry, GivenNetwork) or isinstance(dense, GivenNetwork):
        return Figure.unknown(NOT_FORMED if isinstance(entry, GivenNetwork) else "sis-edge did not form the reference")
    if dense is not None and dense.precision != entry.precision:
        return Figure.unknown(
            f"{entry.precision} against {dense.precision}: multiply-accumulates of other precisions take other times"
        )
    if not is_same_runtime:
        return Figure.unknown("another runtime than the reference's: its multiply-accumulates take other times")
    if dense is None or (dense.is_dense and dense.macs == entry.dense_macs):  # what it was formed from
        return Figure(entry.ceiling)
    return Figure(dense.macs_live / entry.macs_live)


def training_figures(entry: KnownNetwork) -> TrainingFigures:
    """How much training a network of the bundle had."""
    if isinstance(entry, GivenNetwork):
        return TrainingFigures(Figure.unknown(NOT_FORMED), Figure.unknown(NOT_FORMED))
    unknown = "the network was trained by its user"
    training = entry.training
    return TrainingFigures(Figure.of(training.train_images, unknown), Figure.of(training.epochs, unknown))
