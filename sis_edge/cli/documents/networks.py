"""What `form` and `predict` find: a network's structure, and what it should cost on a board."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import DENSE_ALGORITHM, Document, Part, known

if TYPE_CHECKING:
    from sis_edge.formation import GraphDifference, LayerGraph, SynapticGraph
    from sis_edge.formation.graph import Mask
    from sis_edge.native.costs import Calibration
    from sis_edge.native.predict import Prediction
    from sis_edge.profiles import DeviceProfile, NetworkSettings


class FormedLayer(Part):
    """One layer: what exists of it, of how much. `density` is the share of its synapses that exist."""

    layer: str
    kernel: int
    neurons: int
    neurons_alive: int
    dense_neurons: int
    synapses: int
    dense_synapses: int
    density: float
    macs: int


class LayerDifference(Part):
    """Synapses of one layer that two graphs share, and that only one of them has."""

    layer: str
    in_both: int
    only_here: int
    only_there: int


class FormDocument(Document):
    """`sis-edge form`: a synaptic graph.

    `macs` are multiply-accumulates per image, `macs_live` those left after compaction; `ceiling` is the dense
    network's over these; `network` is the dense network's name. `preset_conv_synapses` is the count that was asked for.
    """

    document: Literal["form"] = "form"
    path: str
    graph_sha256: str
    network: str
    preset: str | None
    t_c: float
    t_p: float
    conv: str
    micro: str
    block: int
    distribution: str
    seed: int
    layers: tuple[FormedLayer, ...]
    conv_synapses: int
    micro_synapses: int
    synapses: int
    preset_conv_synapses: int | None
    architectural_efficiency: float
    macs: int
    mac_ratio: float
    macs_live: int
    ceiling: float
    difference: tuple[LayerDifference, ...] | None


class PredictedLayer(Part):
    """One layer: expected seconds of an image with ONNX Runtime and with native kernels, what computes it, and why.

    `algorithm` is that of native kernels.
    """

    layer: str
    density: float
    dense_s: float | None
    native_s: float | None
    chosen: Literal["dense", "native"]
    algorithm: Literal["direct", "winograd"] | None
    why: str


class PredictDocument(Document):
    """`sis-edge predict`: expected seconds of one image on a board.

    `dense_s` is dense NiN in ONNX Runtime, `compact_s` this network in ONNX Runtime alone, `chosen_s` as chosen,
    `int8_s` in INT8 by the native kernels alone. `exact`: without Winograd's algorithm.
    """

    document: Literal["predict"] = "predict"
    profile: str
    preset: str
    conv: str
    micro: str
    threads: int
    exact: bool
    layers: tuple[PredictedLayer, ...]
    dense_s: float
    compact_s: float
    chosen_s: float
    int8_s: float | None
    compact_speed_up: float
    speed_up: float
    int8_speed_up: float | None
    mac_ratio: float
    pays: bool
    calibration: str
    warnings: tuple[str, ...]


def formed(graph: "SynapticGraph", path: Path, preset: str | None, other: "SynapticGraph | None") -> FormDocument:
    """The document of a graph that was written to `path`; `other` is one to compare with."""
    from sis_edge.formation.compaction import compact, live_neurons

    formation = graph.formation
    macs_live = sum(layer.macs for layer in compact(graph))
    differences = None if other is None else tuple(_difference(each) for each in graph.difference(other))
    return FormDocument(
        path=str(path),
        graph_sha256=graph.digest(),
        network=graph.spec.name,
        t_c=formation.t_c,
        t_p=formation.t_p,
        conv=formation.conv,
        micro=formation.micro,
        block=formation.block,
        distribution=formation.distribution,
        seed=formation.seed,
        layers=tuple(map(_layer, graph.layers, live_neurons(graph))),
        conv_synapses=graph.conv_synapses,
        micro_synapses=graph.micro_synapses,
        synapses=graph.synapse_count,
        architectural_efficiency=graph.architectural_efficiency,
        macs=graph.macs,
        mac_ratio=graph.mac_ratio,
        macs_live=macs_live,
        ceiling=graph.spec.macs / macs_live,
        **known(
            preset=(preset, "formed from shares, not from a preset"),
            preset_conv_synapses=(formation.conv_synapses, "formed from shares, not from a preset"),
            difference=(differences, "no graph was given with --against"),
        ),
    )


def _layer(layer: "LayerGraph", alive: "Mask") -> FormedLayer:
    return FormedLayer(
        layer=layer.spec.name,
        kernel=layer.spec.kernel,
        neurons=int(layer.neurons.sum()),
        neurons_alive=int(alive.sum()),
        dense_neurons=layer.spec.filters,
        synapses=layer.synapse_count,
        dense_synapses=layer.spec.synapse_count,
        density=layer.synapse_count / layer.spec.synapse_count,
        macs=layer.macs,
    )


def _difference(row: "GraphDifference") -> LayerDifference:
    return LayerDifference(layer=row.layer, in_both=row.shared, only_here=row.only_first, only_there=row.only_second)


def predicted(
    found: "Prediction",
    preset: str,
    settings: "NetworkSettings",
    board: "DeviceProfile",
    calibration: "Calibration",
    exact: bool,
) -> PredictDocument:
    """The document of a prediction for a board that was calibrated."""
    from sis_edge.native.costs import NO_INT8

    return PredictDocument(
        profile=board.name,
        preset=preset,
        conv=settings.conv,
        micro=settings.micro,
        threads=calibration.threads,
        exact=exact,
        layers=tuple(
            PredictedLayer(
                layer=choice.layer.name,
                density=choice.share,
                chosen=choice.kind,
                why=choice.why,
                **known(
                    dense_s=(choice.dense_s, "the board was not calibrated"),
                    native_s=(choice.native_s, "the board was not calibrated"),
                    algorithm=(choice.algorithm, DENSE_ALGORITHM),
                ),
            )
            for choice in found.chosen.choices
        ),
        dense_s=found.dense_s,
        compact_s=found.compact_s,
        chosen_s=found.chosen.seconds,
        compact_speed_up=found.compact_speed_up,
        speed_up=found.speed_up,
        mac_ratio=found.mac_ratio,
        pays=found.pays,
        calibration=calibration.basis,
        warnings=(calibration.doubt,) if calibration.doubt else (),
        **known(int8_s=(found.int8_s, NO_INT8), int8_speed_up=(found.int8_speed_up, NO_INT8)),
    )
