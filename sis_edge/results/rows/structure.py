"""What exists of a network, and how much training it had: counted on the host, not measured."""

from dataclasses import dataclass

from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.results.rows.figure import Figure


@dataclass(frozen=True)
class StructureFigures:
    """Synapses and multiply-accumulates (MACs) per image.

    `t_c` and `t_p` are the densities of the convolutional layers and the micro networks, in (0, 1].
    `mac_ratio` is the dense network's MACs over `macs`, as formed; `ceiling` over `macs_live`, left after compaction.
    The ceiling says nothing of a form in another precision than the dense network's, whose MACs take another time.
    """

    t_c: float
    t_p: float
    conv_synapses: int
    micro_synapses: int
    synapses: int
    architectural_efficiency: float
    macs: int
    macs_live: int
    mac_ratio: float
    ceiling: Figure[float]


@dataclass(frozen=True)
class TrainingFigures:
    """Images and epochs of the training; unknown for weights that a user brought."""

    train_images: Figure[int]
    epochs: Figure[int]


def structure_figures(entry: NetworkEntry, dense: NetworkEntry | None) -> StructureFigures:
    """The structure of a network of the bundle; `dense` is what it is compared with, None where there is nothing."""
    return StructureFigures(
        t_c=entry.t_c,
        t_p=entry.t_p,
        conv_synapses=entry.conv_synapses,
        micro_synapses=entry.micro_synapses,
        synapses=entry.synapses,
        architectural_efficiency=entry.architectural_efficiency,
        macs=entry.macs,
        macs_live=entry.macs_live,
        mac_ratio=entry.mac_ratio,
        ceiling=ceiling(entry, dense),
    )


def ceiling(entry: NetworkEntry, dense: NetworkEntry | None) -> Figure[float]:
    """The ratio of multiply-accumulates to the dense network's, for forms of the same precision."""
    if dense is not None and dense.precision != entry.precision:
        return Figure.unknown(
            f"{entry.precision} against {dense.precision}: multiply-accumulates of other precisions take other times"
        )
    return Figure(entry.ceiling)


def training_figures(entry: NetworkEntry) -> TrainingFigures:
    """How much training a network of the bundle had."""
    unknown = "the network was trained by its user"
    training = entry.training
    return TrainingFigures(Figure.of(training.train_images, unknown), Figure.of(training.epochs, unknown))
