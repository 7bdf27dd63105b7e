"""What a network costs before it runs steadily: its file, the load, the first inference, and memory."""

from dataclasses import dataclass
from statistics import median

from sis_agent.schema import NetworkRecord
from sis_edge.results.rows.figure import Figure


@dataclass(frozen=True)
class StartFigures:
    """Each in a fresh process: loading the model (cold) and the first inference; `model_bytes` is the file's size."""

    load_s: Figure[float]
    first_inference_s: Figure[float]
    model_bytes: Figure[int]


@dataclass(frozen=True)
class MemoryFigures:
    """Resident memory of the process, and memory of the device (GPU).

    `baseline_rss_bytes` is a fresh process's with the runtime imported, `loaded_rss_bytes` with the network loaded.
    `peak_above_baseline_bytes` is what loading and running the network added to its fresh process; `peak_rss_spread`
    is the range of the peaks of several such processes over their median.
    """

    baseline_rss_bytes: Figure[int]
    loaded_rss_bytes: Figure[int]
    peak_rss_bytes: Figure[int]
    peak_above_baseline_bytes: Figure[int]
    peak_rss_spread: Figure[float]
    device_bytes: Figure[int]
    device_is_unified: Figure[bool]


def start_figures(record: NetworkRecord | None, reason: str) -> StartFigures:
    """The start of a network; `reason` says why it was not measured, where it was not."""
    return StartFigures(
        load_s=Figure.of(record.load_s if record else None, reason),
        first_inference_s=Figure.of(record.first_inference_s if record else None, reason),
        model_bytes=Figure.of(record.model_bytes if record else None, reason),
    )


def memory_figures(record: NetworkRecord | None, reason: str) -> MemoryFigures:
    """The memory of a network; `reason` says why it was not measured, where it was not."""
    memory = record.memory if record else None
    peak, baseline = (memory.peak_rss_bytes, memory.baseline_rss_bytes) if memory else (None, None)
    added = peak - baseline if peak is not None and baseline is not None else None
    peaks = sorted(memory.repeats_peak_rss_bytes) if memory else []
    spread = (peaks[-1] - peaks[0]) / median(peaks) if len(peaks) > 1 else None
    own_reason = (memory.reason if memory else None) or reason
    device_reason = (memory.device_reason if memory else None) or "no memory of a device was asked for"
    return MemoryFigures(
        baseline_rss_bytes=Figure.of(baseline, own_reason),
        loaded_rss_bytes=Figure.of(memory.loaded_rss_bytes if memory else None, own_reason),
        peak_rss_bytes=Figure.of(peak, own_reason),
        peak_above_baseline_bytes=Figure.of(added, own_reason),
        peak_rss_spread=Figure.of(spread, "measured once" if peaks else own_reason),
        device_bytes=Figure.of(memory.device_bytes if memory else None, device_reason),
        device_is_unified=Figure.of(memory.unified if memory else None, device_reason),
    )
