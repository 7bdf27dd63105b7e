"""The tables of a run and their columns, one definition for every format: of networks formed here, and of a user's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sis_edge.report import rows as show
from sis_edge.report.columns import RowColumn, interval, value
from sis_edge.results.rows import Figure, Row
from sis_edge.results.rows import fields as known
from sis_edge.results.rows.accuracy import Drop
from sis_edge.results.rows.fields import Field

NETWORK = value("Network", known.NETWORK, str, is_number=False)
RUNTIME = value("Runtime", known.RUNNER, str, is_number=False)
SYNAPSES = value("Synapses", known.SYNAPSES, show.count)
SPEED_UP = RowColumn(
    "Speed-up",
    (known.SPEED_UP.name,),
    lambda row: row.speed_up.estimate.map(lambda found: show.speed_up(found, row.speed_up.interval.value)),
)
SPEED_UP_INTERVAL = RowColumn(
    "95% interval",
    tuple(field.name for field in known.SPEED_UP_INTERVAL),
    lambda row: row.speed_up.interval.map(show.speed_up_interval),
)
CEILING = value("Ceiling (live MAC ratio)", known.CEILING, show.ratio)
EFFICIENCY = value("Architectural efficiency", known.ARCHITECTURAL_EFFICIENCY, show.ratio)
MODEL_FILE = value("Model file", known.MODEL_BYTES, show.size)


def _trained(row: Row) -> Figure[str]:
    training = row.training
    images = training.train_images.map(lambda count: show.plural(count, "image"))
    epochs = training.epochs.value
    return images if epochs is None else images.map(lambda words: f"{words}, {show.plural(epochs, 'epoch')}")


def _device(row: Row) -> Figure[str]:
    unified = " (unified with the CPU)" if row.memory.device_is_unified.value else ""
    return row.memory.device_bytes.map(lambda found: show.size(found) + unified)


def _drop_interval(ends: tuple[Field[float], Field[float]], of: Callable[[Row], Drop]) -> RowColumn:
    """The interval of a drop, and that it is not paired where which images were wrong is not known."""

    def text(row: Row) -> Figure[str]:
        drop = of(row)
        unpaired = " (unpaired)" if drop.is_paired.value is False else ""
        return drop.interval.map(lambda found: f"{show.points(found.low)} to {show.points(found.high)}{unpaired}")

    return RowColumn("95% interval", tuple(field.name for field in ends), text)


@dataclass(frozen=True)
class Layout:
    """A table over the rows of a run: `{scope}` in its words is what energies cover.

    One that `is_timed` has numbers that an INVALID run does not support.
    """

    title: str
    caption: str
    columns: tuple[RowColumn, ...]
    is_timed: bool = False


DROP_ON_BOARD = (
    value("Drop from", known.ACCURACY_DROP_FROM, str, is_number=False),
    value("Drop (points)", known.DEVICE_DROP, show.points),
    _drop_interval(known.DEVICE_DROP_INTERVAL, lambda row: row.accuracy.device_drop),
    value("p", known.DEVICE_DROP_P, show.p_value),
)
LAYOUTS: dict[str, Layout] = {
    "result": Layout(
        "Result",
        "Each network compared with the reference network of the same run.",
        (
            NETWORK,
            SYNAPSES,
            EFFICIENCY,
            value("Accuracy on the board", known.DEVICE_ACCURACY, show.percent),
            value("Median latency (p50)", known.LATENCY_P50, show.seconds),
            SPEED_UP,
            SPEED_UP_INTERVAL,
            CEILING,
            value("Net energy per inference ({scope})", known.ENERGY_NET, show.joules),
        ),
        is_timed=True,
    ),
    "structure": Layout(
        "Structure",
        "Synapses that exist in the convolutional layers (CL) and in the micro networks (MP), and multiply-accumulates "
        "(MACs) per image. The ceiling counts the MACs left after dead neurons are removed.",
        (
            NETWORK,
            value("Granularity", known.GRANULARITY, str, is_number=False),
            value("t_c", known.T_C, "{:g}".format),
            value("t_p", known.T_P, "{:g}".format),
            value("CL synapses", known.CONV_SYNAPSES, show.count),
            value("MP synapses", known.MICRO_SYNAPSES, show.count),
            value("All synapses", known.SYNAPSES, show.count),
            EFFICIENCY,
            value("MACs", known.MACS, lambda macs: show.si(macs, "").strip()),
            value("MAC ratio", known.MAC_RATIO, show.ratio),
            CEILING,
            MODEL_FILE,
        ),
    ),
    "accuracy": Layout(
        "Accuracy",
        "Top-1 on test images, on the board, with the session that was timed. The drop is in percentage points from "
        "the network named, on the same images; what was trained differently differs by that too. p: McNemar's test "
        "(mid-p) that both networks are right equally often on these images.",
        (
            NETWORK,
            RowColumn("Trained on", (known.TRAIN_IMAGES.name, known.EPOCHS.name), _trained),
            value("Top-1", known.DEVICE_ACCURACY, show.percent),
            interval(known.DEVICE_ACCURACY_INTERVAL, lambda row: row.accuracy.device_interval, show.percent),
            value("n", known.DEVICE_TEST_IMAGES, show.count),
            *DROP_ON_BOARD,
            value("Paper", known.PAPER_ACCURACY, show.percent),
        ),
    ),
    "host-accuracy": Layout(
        "Accuracy on the host",
        "Top-1 of the same networks on test images where they were built, with ONNX Runtime; drop and p as above.",
        (
            NETWORK,
            value("Top-1", known.HOST_ACCURACY, show.percent),
            value("n", known.HOST_TEST_IMAGES, show.count),
            value("Drop from", known.ACCURACY_DROP_FROM, str, is_number=False),
            value("Drop (points)", known.ACCURACY_DROP, show.points),
            _drop_interval(known.ACCURACY_DROP_INTERVAL, lambda row: row.accuracy.host_drop),
            value("p", known.ACCURACY_DROP_P, show.p_value),
        ),
    ),
    "latency": Layout(
        "Latency and speed-up",
        "Steady-state latency of one call, and the speed-up over the reference network in the same rounds.",
        (
            NETWORK,
            value("n", known.SAMPLES, show.count),
            value("p50", known.LATENCY_P50, show.seconds),
            value("p90", known.LATENCY_P90, show.seconds),
            value("p99", known.LATENCY_P99, show.seconds),
            SPEED_UP,
            SPEED_UP_INTERVAL,
            value("Rounds", known.SPEED_UP_ROUNDS, show.count),
            CEILING,
            value("Share of the ceiling", known.SHARE_OF_CEILING, show.share),
        ),
        is_timed=True,
    ),
    "start": Layout(
        "Start",
        "Each in a fresh process: loading the model (cold), and the first inference.",
        (
            NETWORK,
            value("Cold load", known.LOAD, show.seconds),
            value("First inference", known.FIRST_INFERENCE, show.seconds),
            value("Steady (p50)", known.LATENCY_P50, show.seconds),
            MODEL_FILE,
        ),
        is_timed=True,
    ),
    "memory": Layout(
        "Memory by runtime",
        "Each network in a fresh process that holds its runtime and nothing else: resident memory with the runtime "
        "imported (baseline), with the network loaded, and at most. Device memory is what loading took of the GPU's.",
        (
            NETWORK,
            RUNTIME,
            value("Baseline", known.BASELINE_RSS, show.size),
            value("Loaded", known.LOADED_RSS, show.size),
            value("Peak", known.PEAK_RSS, show.size),
            value("Above baseline", known.PEAK_ABOVE_BASELINE, show.size),
            value("Spread of the peak", known.PEAK_RSS_SPREAD, show.percent),
            RowColumn("Device memory", (known.DEVICE_BYTES.name, known.DEVICE_IS_UNIFIED.name), _device),
        ),
        is_timed=True,
    ),
    "energy": Layout(
        "Energy ({scope})",
        "Energy per inference from the board's power sensor, scope: {scope}. Gross is everything the sensor measured "
        "while the network ran back to back; net is gross minus the board's idle power before, between and after. "
        "The sensor's own gain error, where its label gives it, is in no interval.",
        (
            NETWORK,
            value("Gross ({scope})", known.ENERGY_GROSS, show.joules),
            interval(known.ENERGY_GROSS_INTERVAL, lambda row: row.energy.gross_interval_j, show.joules),
            value("Net ({scope})", known.ENERGY_NET, show.joules),
            interval(known.ENERGY_NET_INTERVAL, lambda row: row.energy.net_interval_j, show.joules),
            value("Blocks", known.ENERGY_BLOCKS, show.count),
            value("Sensor", known.ENERGY_SOURCE, str, is_number=False),
            value("Scope", known.ENERGY_SCOPE, str, is_number=False),
        ),
        is_timed=True,
    ),
    "checks": Layout(
        "Checks",
        "Logits of the golden inputs on the board against PyTorch's on the host, and problems.",
        (
            NETWORK,
            value("Golden inputs", known.GOLDEN_IMAGES, show.count),
            value(
                "Golden check", known.GOLDEN_PASSED, lambda passed: "passed" if passed else "FAILED", is_number=False
            ),
            value("Largest difference", known.GOLDEN_MAX_ABS_DIFFERENCE, "{:.2e}".format),
            value("Same top-1", known.GOLDEN_TOP1_AGREEMENT, show.percent),
            value("Warm-up", known.WARMUP_STEADY, lambda steady: "steady" if steady else "NOT STEADY", is_number=False),
            value("Problem", known.PROBLEM, str, is_number=False),
        ),
    ),
}


ACCURACY_COLUMNS = (
    NETWORK,
    value("Top-1", known.DEVICE_ACCURACY, show.percent),
    interval(known.DEVICE_ACCURACY_INTERVAL, lambda row: row.accuracy.device_interval, show.percent),
    value("Top-5", known.DEVICE_ACCURACY_TOP5, show.percent),
    value("n", known.DEVICE_TEST_IMAGES, show.count),
    *DROP_ON_BOARD,
)
GIVEN: dict[str, Layout] = {
    "result": Layout(
        "Result",
        "Each network compared with the reference of the same run.",
        (
            NETWORK,
            value("Median latency (p50)", known.LATENCY_P50, show.seconds),
            SPEED_UP,
            SPEED_UP_INTERVAL,
            value("Peak memory", known.PEAK_RSS, show.size),
            value("Net energy per inference ({scope})", known.ENERGY_NET, show.joules),
        ),
        is_timed=True,
    ),
    "networks": Layout(
        "Networks",
        "What is known of networks that sis-edge did not form: parameters and multiply-accumulates (MACs) as counted "
        "in the file, and the inputs that they ran with.",
        (
            NETWORK,
            RUNTIME,
            value("Parameters", known.PARAMETERS, show.count),
            value("MACs", known.MACS, lambda macs: show.si(macs, "").strip()),
            value("Inputs", known.INPUTS, str, is_number=False),
            MODEL_FILE,
        ),
    ),
    "accuracy": Layout(
        "Accuracy",
        "By the first output on the board, with the session that was timed, against the labels that were given. The "
        "drop is in percentage points from the network named, on the same rows. p: McNemar's test (mid-p) that both "
        "are right equally often on them.",
        ACCURACY_COLUMNS,
    ),
    "latency": Layout(
        "Latency and speed-up",
        "Steady-state latency of one call, and the speed-up over the reference in the same rounds.",
        LAYOUTS["latency"].columns[:-2],
        is_timed=True,
    ),
    "start": LAYOUTS["start"],
    "memory": LAYOUTS["memory"],
    "energy": LAYOUTS["energy"],
    "checks": Layout(
        "Checks",
        "Outputs on the board against the expected ones, and problems.",
        tuple(column for column in LAYOUTS["checks"].columns if column.fields != (known.GOLDEN_TOP1_AGREEMENT.name,)),
    ),
}


def layouts(rows: Sequence[Row]) -> dict[str, Layout]:
    """The tables that these rows need: those of a user's networks where all are, without accuracy where there is none.

    A run of both kinds has the tables of formed networks, and one on the others.
    """
    given = [row for row in rows if row.identity.is_given]
    if not given:
        return LAYOUTS
    if len(given) < len(rows):
        return {**LAYOUTS, "networks": GIVEN["networks"]}
    has_accuracy = any(row.accuracy.device.value is not None for row in rows)
    return {name: layout for name, layout in GIVEN.items() if name != "accuracy" or has_accuracy}
