"""One network in a fresh process: memory of a process that holds nothing else, load time, first inference, golden
check, accuracy. Memory is taken again in more fresh processes, where the job asks for it."""

from typing import Any, Dict, List, Optional, Tuple

from sis_agent.measure.context import MeasurementContext
from sis_agent.measure.packing import unpacked_timed_call
from sis_agent.protocol import ProblemError
from sis_agent.schema import Accuracy, GoldenCheck, Memory, NetworkJob
from sis_agent.worker.process import WorkerProcess

Command = Dict[str, Any]

NOT_REPORTED = "/proc/self/status does not report it"
OTHER_PROCESSES = "this runtime loads the network in processes of its own, whose memory is not read"
NO_DEVICE = "this runtime uses the processor's memory only"
NO_DEVICE_REPORT = "this runtime does not report it"


def measure_isolated(context: MeasurementContext, network: NetworkJob, unified: Optional[bool]) -> None:
    """Fill in the network's record; what its process answered before a problem stays there.

    `unified` says whether processor and GPU share the board's memory.
    """
    name = network.name
    try:
        with context.start_worker([network]) as worker:
            context.prepare(worker, network)
            context.note(name, load_s=worker.ask(context.load(network))["load_s"])
            loaded = worker.ask({"do": "memory"})["rss_bytes"]
            context.note(name, first_inference_s=worker.ask({"do": "first", "name": name})["latency_s"])
            peak = worker.ask({"do": "memory"})["peak_rss_bytes"]
            details = worker.ask({"do": "details", "name": name})
            context.note(name, timed_call=unpacked_timed_call(worker.ask({"do": "timed_call", "name": name})))
            baseline = worker.start["baseline_rss_bytes"]
            memory = Memory(baseline, loaded, peak, None, [], details.get("device_bytes"), None, unified)
            runner = worker.start["runner_details"][context.runner(network)]
            memory = _with_reasons(memory, runner["on_gpu"])
            context.note(name, memory=memory, details=details)
            _check(context, network, worker)
        peaks = [] if peak is None else [peak]
        for _ in range(context.job.memory_repeats - 1):
            context.progress("memory", name, len(peaks), context.job.memory_repeats)
            peaks += _peak(context, network)
        context.note(name, memory=memory._replace(repeats_peak_rss_bytes=peaks))
    except ProblemError as error:
        context.note(name, problem=error.problem)


def _with_reasons(memory: Memory, on_gpu: bool) -> Memory:
    """The memory with a reason for what is not known of it; `on_gpu` says where the runtime computes."""
    if memory.baseline_rss_bytes is not None and memory.loaded_rss_bytes is None:
        memory = memory._replace(reason=OTHER_PROCESSES)
    elif None in (memory.baseline_rss_bytes, memory.loaded_rss_bytes, memory.peak_rss_bytes):
        memory = memory._replace(reason=NOT_REPORTED)
    if memory.device_bytes is None:
        memory = memory._replace(device_reason=NO_DEVICE_REPORT if on_gpu else NO_DEVICE)
    return memory


def _check(context: MeasurementContext, network: NetworkJob, worker: WorkerProcess) -> None:
    golden, accuracy = _commands(context, network)
    if golden is not None:
        check = worker.ask(golden)
        context.note(network.name, golden=check and GoldenCheck(**check))
    if accuracy is not None:
        counted = worker.ask(
            accuracy, lambda step: context.progress("accuracy", network.name, step["done"], step["of"])
        )
        context.note(network.name, accuracy=counted and Accuracy(**counted))


def _commands(context: MeasurementContext, network: NetworkJob) -> Tuple[Optional[Command], Optional[Command]]:
    """What the worker is asked to check of a network's outputs, and of its accuracy; None: nothing is known of it."""
    job, name = context.job, network.name
    tolerance = job.golden_tolerance if network.golden_tolerance is None else network.golden_tolerance
    golden: Optional[Command] = None
    accuracy: Optional[Command] = None
    if network.inputs is not None:
        if network.expected is not None:
            relative = network.golden_relative_tolerance
            golden = {"do": "outputs", "name": name, "expected": context.path(network.expected)}
            golden.update(tolerance=tolerance, relative_tolerance=relative)
        if network.labels is not None:
            accuracy = {"do": "labelled", "name": name, "labels": context.path(network.labels)}
        return golden, accuracy
    if job.golden_inputs is not None and network.golden_logits is not None:
        images, logits = context.path(job.golden_inputs), context.path(network.golden_logits)
        golden = {"do": "golden", "name": name, "images": images, "logits": logits, "tolerance": tolerance}
    if job.test_images is not None and job.test_labels is not None:
        images, labels = context.path(job.test_images), context.path(job.test_labels)
        accuracy = {"do": "accuracy", "name": name, "images": images, "labels": labels}
    return golden, accuracy


def _peak(context: MeasurementContext, network: NetworkJob) -> List[int]:
    """The peak of one more fresh process after its first inference; empty where the kernel does not report it."""
    with context.start_worker([network]) as worker:
        worker.ask(context.load(network))
        worker.ask({"do": "first", "name": network.name})
        peak = worker.ask({"do": "memory"})["peak_rss_bytes"]
    return [] if peak is None else [peak]
