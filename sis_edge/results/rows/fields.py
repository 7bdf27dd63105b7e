"""A row flattened: the columns of CSV and JSON, in their order, with their names and units.

Programs of users read these names: add columns, never rename one. The report's tables take their values from here
too, so that each cell can be traced to its columns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sis_edge.results.rows.figure import Figure
from sis_edge.results.rows.row import Row
from sis_edge.results.statistics import Interval

T = TypeVar("T")
Value = str | int | float | bool | None
NONE = "none"


@dataclass(frozen=True)
class Field(Generic[T]):
    """A column: its name, the type of its values, and where its value is in a row."""

    name: str
    type: type[T]
    of: Callable[[Row], Figure[T]]


_FIELDS: list[Field[Any]] = []  # in the order of definition, which is that of the columns


def _field(name: str, type: type[T], of: Callable[[Row], Figure[T]]) -> Field[T]:
    """A column of a value that may be unknown."""
    field = Field(name, type, of)
    _FIELDS.append(field)
    return field


def _known(name: str, type: type[T], of: Callable[[Row], T]) -> Field[T]:
    """A column of a value that every row has."""
    return _field(name, type, lambda row: Figure(of(row)))


def _low_high(name: str, of: Callable[[Row], Figure[Interval]], unit: str = "") -> tuple[Field[float], Field[float]]:
    """The two columns of an interval."""
    low = _field(f"{name}_low{unit}", float, lambda row: of(row).map(lambda interval: interval.low))
    high = _field(f"{name}_high{unit}", float, lambda row: of(row).map(lambda interval: interval.high))
    return low, high


RUN_ID = _known("run_id", str, lambda row: row.run.run_id)
STORED_AT = _known("stored_at", str, lambda row: row.run.stored_at.isoformat())
PROFILE = _known("profile", str, lambda row: row.run.profile)
BOARD = _known("board", str, lambda row: row.run.board)
SIMULATED = _known("simulated", bool, lambda row: row.run.simulated)
EMULATED = _known("emulated", bool, lambda row: row.run.emulated)
DATASET = _field("dataset", str, lambda row: row.run.dataset)

NETWORK = _known("network", str, lambda row: row.identity.label)
IS_DENSE = _known("is_dense", bool, lambda row: row.identity.is_reference)
GRANULARITY = _field("granularity", str, lambda row: row.identity.granularity)

T_C = _field("t_c", float, lambda row: row.structure.t_c)
T_P = _field("t_p", float, lambda row: row.structure.t_p)
CONV_SYNAPSES = _field("conv_synapses", int, lambda row: row.structure.conv_synapses)
MICRO_SYNAPSES = _field("micro_synapses", int, lambda row: row.structure.micro_synapses)
SYNAPSES = _field("synapses", int, lambda row: row.structure.synapses)
ARCHITECTURAL_EFFICIENCY = _field("architectural_efficiency", float, lambda row: row.structure.architectural_efficiency)
MACS = _field("macs", int, lambda row: row.structure.macs)
MACS_LIVE = _field("macs_live", int, lambda row: row.structure.macs_live)
MAC_RATIO = _field("mac_ratio", float, lambda row: row.structure.mac_ratio)
CEILING = _field("ceiling", float, lambda row: row.structure.ceiling)

TRAIN_IMAGES = _field("train_images", int, lambda row: row.training.train_images)
EPOCHS = _field("epochs", int, lambda row: row.training.epochs)

PAPER_ACCURACY = _field("paper_accuracy", float, lambda row: row.accuracy.paper)
HOST_ACCURACY = _field("host_accuracy", float, lambda row: row.accuracy.host)
HOST_TEST_IMAGES = _field("host_test_images", int, lambda row: row.accuracy.host_test_images)
ACCURACY_DROP = _field("accuracy_drop", float, lambda row: row.accuracy.host_drop.estimate)
ACCURACY_DROP_INTERVAL = _low_high("accuracy_drop", lambda row: row.accuracy.host_drop.interval)
DEVICE_ACCURACY = _field("device_accuracy", float, lambda row: row.accuracy.device)
DEVICE_ACCURACY_INTERVAL = _low_high("device_accuracy", lambda row: row.accuracy.device_interval)
DEVICE_TEST_IMAGES = _field("device_test_images", int, lambda row: row.accuracy.device_test_images)

BATCH_SIZE = _known("batch_size", int, lambda row: row.run.batch_size)
THREADS = _known("threads", int, lambda row: row.run.threads)

SAMPLES = _known("samples", int, lambda row: row.latency.samples)
ROUNDS = _known("rounds", int, lambda row: row.latency.rounds)
WARMUP_STEADY = _field("warmup_steady", bool, lambda row: row.latency.warmup_steady)
LATENCY_P50 = _field("latency_p50_s", float, lambda row: row.latency.p50_s)
LATENCY_P90 = _field("latency_p90_s", float, lambda row: row.latency.p90_s)
LATENCY_P99 = _field("latency_p99_s", float, lambda row: row.latency.p99_s)

SPEED_UP = _field("speed_up", float, lambda row: row.speed_up.estimate)
SPEED_UP_INTERVAL = _low_high("speed_up", lambda row: row.speed_up.interval)
SPEED_UP_ROUNDS = _field("speed_up_rounds", int, lambda row: row.speed_up.rounds)
SHARE_OF_CEILING = _field("share_of_ceiling", float, lambda row: row.speed_up.share_of_ceiling)

LOAD = _field("load_s", float, lambda row: row.start.load_s)
FIRST_INFERENCE = _field("first_inference_s", float, lambda row: row.start.first_inference_s)
MODEL_BYTES = _field("model_bytes", int, lambda row: row.start.model_bytes)

PEAK_RSS = _field("peak_rss_bytes", int, lambda row: row.memory.peak_rss_bytes)
PEAK_ABOVE_BASELINE = _field("peak_above_baseline_bytes", int, lambda row: row.memory.peak_above_baseline_bytes)
PEAK_RSS_SPREAD = _field("peak_rss_spread", float, lambda row: row.memory.peak_rss_spread)
DEVICE_BYTES = _field("device_bytes", int, lambda row: row.memory.device_bytes)
DEVICE_IS_UNIFIED = _field("device_memory_is_unified", bool, lambda row: row.memory.device_is_unified)

ENERGY_GROSS = _field("energy_gross_j", float, lambda row: row.energy.gross_j)
ENERGY_GROSS_INTERVAL = _low_high("energy_gross", lambda row: row.energy.gross_interval_j, unit="_j")
ENERGY_NET = _field("energy_net_j", float, lambda row: row.energy.net_j)
ENERGY_NET_INTERVAL = _low_high("energy_net", lambda row: row.energy.net_interval_j, unit="_j")
ENERGY_SCOPE = _field("energy_scope", str, lambda row: row.energy.scope)
ENERGY_SOURCE = _field("energy_source", str, lambda row: row.energy.source)
ENERGY_BLOCKS = _field("energy_blocks", int, lambda row: row.energy.blocks)

GOLDEN_PASSED = _field("golden_passed", bool, lambda row: row.golden.passed)
GOLDEN_IMAGES = _field("golden_images", int, lambda row: row.golden.images)
GOLDEN_MAX_ABS_DIFFERENCE = _field("golden_max_abs_difference", float, lambda row: row.golden.max_abs_difference)
GOLDEN_TOP1_AGREEMENT = _field("golden_top1_agreement", float, lambda row: row.golden.top1_agreement)

PROBLEM = _field("problem", str, lambda row: Figure.of(row.problem, NONE))
VERDICT = _known("verdict", str, lambda row: row.verdict.level)
VERDICT_REASONS = _field("verdict_reasons", str, lambda row: Figure.of("; ".join(row.verdict.reasons) or None, NONE))
VERDICT_VERSION = _known("verdict_version", int, lambda row: row.verdict.version)

BASE_NETWORK = _known("base_network", str, lambda row: row.identity.network)
FORM = _known("form", str, lambda row: row.identity.form)
PRECISION = _known("precision", str, lambda row: row.identity.precision)

VERDICT_UNSEEN = _field("verdict_unseen", str, lambda row: Figure.of("; ".join(row.verdict.unseen) or None, NONE))
ACCURACY_DROP_FROM = _field("accuracy_drop_from", str, lambda row: row.accuracy.drop_from)
ACCURACY_DROP_IS_PAIRED = _field("accuracy_drop_is_paired", bool, lambda row: row.accuracy.host_drop.is_paired)
DEVICE_DROP = _field("device_accuracy_drop", float, lambda row: row.accuracy.device_drop.estimate)
DEVICE_DROP_INTERVAL = _low_high("device_accuracy_drop", lambda row: row.accuracy.device_drop.interval)

RUNNER = _known("runner", str, lambda row: row.identity.runtime)
PARAMETERS = _field("parameters", int, lambda row: row.structure.parameters)
INPUTS = _field("inputs", str, lambda row: row.structure.inputs)
DEVICE_ACCURACY_TOP5 = _field("device_accuracy_top5", float, lambda row: row.accuracy.device_top5)

BASELINE_RSS = _field("baseline_rss_bytes", int, lambda row: row.memory.baseline_rss_bytes)
LOADED_RSS = _field("loaded_rss_bytes", int, lambda row: row.memory.loaded_rss_bytes)
OWN_DENSE = _field("own_dense", str, lambda row: row.own_dense.over)
OVER_OWN_DENSE = _field("speed_up_over_own_dense", float, lambda row: row.own_dense.speed_up.estimate)
OVER_OWN_DENSE_INTERVAL = _low_high("speed_up_over_own_dense", lambda row: row.own_dense.speed_up.interval)
FASTEST_DENSE = _field("fastest_dense", str, lambda row: row.fastest_dense.over)
OVER_FASTEST_DENSE = _field("speed_up_over_fastest_dense", float, lambda row: row.fastest_dense.speed_up.estimate)
OVER_FASTEST_DENSE_INTERVAL = _low_high("speed_up_over_fastest_dense", lambda row: row.fastest_dense.speed_up.interval)
DEVICE_DROP_IS_PAIRED = _field("device_accuracy_drop_is_paired", bool, lambda row: row.accuracy.device_drop.is_paired)
ACCURACY_DROP_P = _field("accuracy_drop_p_value", float, lambda row: row.accuracy.host_drop.p_value)
DEVICE_DROP_P = _field("device_accuracy_drop_p_value", float, lambda row: row.accuracy.device_drop.p_value)

FIELDS: tuple[Field[Any], ...] = tuple(_FIELDS)
NAMES = tuple(field.name for field in FIELDS)


def values(row: Row) -> dict[str, Value]:
    """Every value of a row by its column's name; what is unknown is None."""
    return {field.name: field.of(row).value for field in FIELDS}


def reasons(row: Row) -> dict[str, str]:
    """Why each unknown value is unknown, by its column's name."""
    found = {field.name: field.of(row).reason for field in FIELDS}
    return {name: reason for name, reason in found.items() if reason is not None}
