"""One network in a fresh process: memory of a process that holds nothing else, load time, first inference, golden
check, accuracy. Memory is taken again in more fresh processes, where the job asks for it."""

from typing import List, Optional

from sis_agent.measure.context import Bench
from sis_agent.protocol import ProblemError
from sis_agent.schema import Accuracy, GoldenCheck, Memory, NetworkJob
from sis_agent.worker.process import WorkerProcess

UNTOLD = "/proc/self/status does not tell it"
NO_DEVICE = "this run time uses the processor's memory only"


def measure_alone(bench: Bench, network: NetworkJob, unified: Optional[bool]) -> None:
    """Fill in the network's record; what its process answered before a problem stays there.

    `unified` says whether processor and GPU share the board's memory.
    """
    name = network.name
    try:
        with bench.start_worker() as worker:
            bench.prepare(worker, network)
            bench.note(name, load_s=worker.ask(bench.load(network))["load_s"])
            loaded = worker.ask({"do": "memory"})["rss_bytes"]
            bench.note(name, first_inference_s=worker.ask({"do": "first", "name": name})["latency_s"])
            peak = worker.ask({"do": "memory"})["peak_rss_bytes"]
            details = worker.ask({"do": "details", "name": name})
            baseline = worker.start["baseline_rss_bytes"]
            reason = UNTOLD if None in (baseline, loaded, peak) else None
            device_bytes = details.get("device_bytes")
            device_reason = NO_DEVICE if device_bytes is None else None
            memory = Memory(baseline, loaded, peak, reason, [], device_bytes, device_reason, unified)
            bench.note(name, memory=memory, details=details)
            _check(bench, network, worker)
        peaks = [] if peak is None else [peak]
        for _ in range(bench.job.memory_repeats - 1):
            bench.progress("memory", name, len(peaks), bench.job.memory_repeats)
            peaks += _peak(bench, network)
        bench.note(name, memory=memory._replace(repeats_peak_rss_bytes=peaks))
    except ProblemError as error:
        bench.note(name, problem=error.problem)


def _check(bench: Bench, network: NetworkJob, worker: WorkerProcess) -> None:
    name, job = network.name, bench.job
    tolerance = job.golden_tolerance if network.golden_tolerance is None else network.golden_tolerance
    golden = worker.ask(
        {
            "do": "golden",
            "name": name,
            "images": bench.path(job.golden_inputs),
            "logits": bench.path(network.golden_logits),
            "tolerance": tolerance,
        }
    )
    bench.note(name, golden=golden and GoldenCheck(**golden))
    if job.test_images is not None and job.test_labels is not None:
        accuracy = worker.ask(
            {
                "do": "accuracy",
                "name": name,
                "images": bench.path(job.test_images),
                "labels": bench.path(job.test_labels),
            },
            lambda step: bench.progress("accuracy", name, step["done"], step["of"]),
        )
        bench.note(name, accuracy=accuracy and Accuracy(**accuracy))


def _peak(bench: Bench, network: NetworkJob) -> List[int]:
    """The peak of one more fresh process after its first inference; empty where the kernel does not tell."""
    with bench.start_worker() as worker:
        worker.ask(bench.load(network))
        worker.ask({"do": "first", "name": network.name})
        peak = worker.ask({"do": "memory"})["peak_rss_bytes"]
    return [] if peak is None else [peak]
