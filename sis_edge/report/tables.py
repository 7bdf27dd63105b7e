"""Which tables a report has, and their columns: one definition for every format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sis_edge.report import rows as show
from sis_edge.results.comparison import Row


@dataclass(frozen=True)
class Column:
    """A heading, the row's values that stand below it (the first decides whether it is known), and their text."""

    title: str
    fields: tuple[str, ...]
    text: Callable[[Row], str]
    is_number: bool = True


@dataclass(frozen=True)
class Cell:
    """One value as text; `fields` names the values of the row that the text shows."""

    text: str
    fields: tuple[str, ...]
    is_known: bool = True


@dataclass(frozen=True)
class Table:
    """A title, what it shows, and cells [networks][columns]; `notes` explain the letters that cells carry."""

    name: str
    title: str
    caption: str
    mark: str | None
    columns: tuple[Column, ...]
    cells: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]


def value(title: str, field: str, text: Callable[[Any], str], is_number: bool = True) -> Column:
    """A column of one value."""
    return Column(title, (field,), lambda row: text(getattr(row, field)), is_number)


NETWORK = value("Network", "network", str, is_number=False)
SPEED_UP = Column("Speed-up", ("speed_up",), show.speed_up)
SPEED_UP_INTERVAL = Column("95% interval", ("speed_up_low", "speed_up_high"), show.speed_up_interval)
CEILING = value("Ceiling (live MAC ratio)", "ceiling", show.ratio)
SYNAPSES = value("Synapses", "synapses", show.count)
BOARD_ACCURACY = value("Accuracy on the board", "device_accuracy", show.percent)
MEDIAN = value("Median latency (p50)", "latency_p50_s", show.seconds)
NET_ENERGY = value("Net energy of an inference ({scope})", "energy_net_j", show.joules)
EFFICIENCY = value("Architectural efficiency", "architectural_efficiency", show.ratio)


def _interval(name: str, text: Callable[[Any], str], title: str = "95% interval", unit: str = "") -> Column:
    low, high = f"{name}_low{unit}", f"{name}_high{unit}"
    return Column(title, (low, high), lambda row: f"{text(getattr(row, low))} to {text(getattr(row, high))}")


def _trained(row: Row) -> str:
    return f"{show.plural(row.train_images, 'image')}, {show.plural(row.epochs, 'epoch')}"


def _golden(row: Row) -> str:
    return "passed" if row.golden_passed else "FAILED"


def _device(row: Row) -> str:
    return f"{show.size(row.device_bytes or 0)}{' (unified with the CPU)' if row.device_memory_is_unified else ''}"


def _warmup(row: Row) -> str:
    return "steady" if row.warmup_steady else "NOT STEADY"


COLUMNS: dict[str, tuple[str, str, tuple[Column, ...]]] = {
    "result": (
        "Result",
        "Each network against the dense one of the same run.",
        (NETWORK, SYNAPSES, EFFICIENCY, BOARD_ACCURACY, MEDIAN, SPEED_UP, SPEED_UP_INTERVAL, CEILING, NET_ENERGY),
    ),
    "structure": (
        "Structure",
        "What exists of each network: weights of convolutional layers (CL) and of micro networks (MP), "
        "and multiply-accumulates (MACs) for one image. The ceiling counts those left once dead neurons are gone.",
        (
            NETWORK,
            value("Granularity", "granularity", str, is_number=False),
            value("t_c", "t_c", "{:g}".format),
            value("t_p", "t_p", "{:g}".format),
            value("CL synapses", "conv_synapses", show.count),
            value("MP synapses", "micro_synapses", show.count),
            value("All synapses", "synapses", show.count),
            EFFICIENCY,
            value("MACs", "macs", lambda macs: show.si(macs, "").strip()),
            value("MAC ratio", "mac_ratio", show.ratio),
            CEILING,
            value("Model file", "model_bytes", show.size),
        ),
    ),
    "accuracy": (
        "Accuracy",
        "Top-1 on test images: by PyTorch on the host, and on the board with the session that was timed. The drop "
        "is the dense network's host accuracy minus this one's, in percentage points.",
        (
            NETWORK,
            Column("Trained on", ("train_images", "epochs"), _trained),
            value("Host", "host_accuracy", show.percent),
            value("Host n", "host_test_images", show.count),
            value("Drop (points)", "accuracy_drop", show.points),
            _interval("accuracy_drop", show.points),
            value("Board", "device_accuracy", show.percent),
            _interval("device_accuracy", show.percent),
            value("Board n", "device_test_images", show.count),
            value("Paper", "paper_accuracy", show.percent),
        ),
    ),
    "latency": (
        "Latency and speed-up",
        "Steady latency of one call, and how many times as fast as the dense network of the same rounds.",
        (
            NETWORK,
            value("n", "samples", show.count),
            value("p50", "latency_p50_s", show.seconds),
            value("p90", "latency_p90_s", show.seconds),
            value("p99", "latency_p99_s", show.seconds),
            SPEED_UP,
            SPEED_UP_INTERVAL,
            value("Rounds", "speed_up_rounds", show.count),
            CEILING,
            value("Share of the ceiling", "share_of_ceiling", show.share),
        ),
    ),
    "start": (
        "Start and memory",
        "From a fresh process each: loading the model (cold), the first inference, and resident memory.",
        (
            NETWORK,
            value("Cold load", "load_s", show.seconds),
            value("First inference", "first_inference_s", show.seconds),
            value("Steady (p50)", "latency_p50_s", show.seconds),
            value("Model file", "model_bytes", show.size),
            value("Peak memory", "peak_rss_bytes", show.size),
            value("Above baseline", "peak_above_baseline_bytes", show.size),
            value("Spread of the peak", "peak_rss_spread", show.percent),
            Column("Memory of the device", ("device_bytes", "device_memory_is_unified"), _device),
        ),
    ),
    "energy": (
        "Energy ({scope})",
        "Energy of one inference from the board's power sensor, scope: {scope}. Gross is all that the sensor saw while "
        "the network ran back to back; net is without the board's idle power before and after.",
        (
            NETWORK,
            value("Gross ({scope})", "energy_gross_j", show.joules),
            _interval("energy_gross", show.joules, unit="_j"),
            value("Net ({scope})", "energy_net_j", show.joules),
            _interval("energy_net", show.joules, unit="_j"),
            value("Blocks", "energy_blocks", show.count),
            value("Sensor", "energy_source", str, is_number=False),
            value("Scope", "energy_scope", str, is_number=False),
        ),
    ),
    "checks": (
        "Checks",
        "Logits of the golden inputs on the board against PyTorch's on the host, and what went wrong.",
        (
            NETWORK,
            value("Golden inputs", "golden_images", show.count),
            Column("Golden check", ("golden_passed",), _golden, is_number=False),
            value("Largest difference", "golden_max_abs_difference", "{:.2e}".format),
            value("Same top-1", "golden_top1_agreement", show.percent),
            Column("Warm-up", ("warmup_steady",), _warmup, is_number=False),
            Column("Problem", ("problem",), lambda row: str(row.problem), is_number=False),
        ),
    ),
}


def table(name: str, rows: Sequence[Row], mark: str | None = None) -> Table:
    """The table of that name over the rows of one run; `mark` says "simulated" or "emulated"."""
    title, caption, columns = COLUMNS[name]
    scope = energy_scope(rows)
    title, caption = title.format(scope=scope), caption.format(scope=scope)
    columns = tuple(replace(column, title=column.title.format(scope=scope)) for column in columns)
    cells, notes = fill(columns, rows)
    if name == "result":
        caption += f" {amounts(rows)}"
    return Table(name, title, caption, mark, columns, cells, notes)


def energy_scope(rows: Sequence[Row]) -> str:
    """What the energies of a run cover: every label of theirs says it."""
    scopes = sorted({row.energy_scope for row in rows if row.energy_scope is not None})
    return ", ".join(scopes) or ("unavailable" if all(row.energy_gross_j is None for row in rows) else "scope unknown")


def amounts(rows: Sequence[Row]) -> str:
    """How many samples stand behind the numbers."""
    measured = [row for row in rows if row.samples]
    if not measured:
        return "No network was measured."
    images = [row.device_test_images for row in rows if row.device_test_images is not None]
    return (
        f"n = {show.span([row.samples for row in measured])} inferences of each network in "
        f"{show.span([row.rounds for row in measured])} rounds, {show.span(images) if images else 'no'} test images."
    )


def fill(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[tuple[tuple[Cell, ...], ...], tuple[str, ...]]:
    """Cells [rows][columns], and the notes that they point to."""
    notes: list[str] = []
    cells = tuple(tuple(_cell(column, row, notes) for column in columns) for row in rows)
    return cells, tuple(f"{_letter(at)}: {note}" for at, note in enumerate(notes))


def _cell(column: Column, row: Row, notes: list[str]) -> Cell:
    first = column.fields[0]
    if getattr(row, first) is not None:
        return Cell(column.text(row), column.fields)
    reason = row.reasons[first]
    if first == "problem":
        return Cell(reason, column.fields, is_known=False)
    words = show.unknown(reason)
    if words is None:
        if reason not in notes:
            notes.append(reason)
        words = f"– [{_letter(notes.index(reason))}]"
    return Cell(words, column.fields, is_known=False)


def _letter(at: int) -> str:
    return chr(ord("a") + at % 26) * (1 + at // 26)
