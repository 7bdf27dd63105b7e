"""The child process that owns the runtime: JSON commands in, a line each; JSON replies out.

A native crash in a runtime ends this process and not the job. A command is {"do": ..., ...}; the reply is
{"reply": ...} or {"problem": ...}, perhaps with {"progress": ...} lines before it. The first line says how to run.

    start       runners, threads, batch_size, preprocess, cores   -> runner_details by name, baseline_rss_bytes
    prepare     model, options, runner, inputs            -> nothing; with progress
    load        name, model, golden_inputs, options, runner, inputs   -> load_s
    details     name                                      -> what the runner reports of the network
    timed_call  name                                      -> TimedCall, None where the runner does not declare it
    first       name                                      -> latency_s
    memory                                                -> rss_bytes, peak_rss_bytes, None where it holds no network
    golden      name, images, logits, tolerance           -> GoldenCheck, None where the runner does not compute
    infer       model, options, images                    -> logits, None likewise
    accuracy    name, images, labels                      -> Accuracy, None likewise
    outputs     name, expected, tolerance, relative_tolerance   -> GoldenCheck of a network with inputs of its own
    labelled    name, labels                              -> Accuracy of one
    warm_up     name, at_least_s                          -> latencies_s, steady
    run         name, inferences                          -> start_s, latencies_s, device_latencies_s, costs
    run_for     name, time_s                              -> start_s, end_s, inferences
    sustain     name, time_s, window_s, rate_hz           -> whether it can; with progress, a window each (see sustain)
    harness     inferences                                -> latencies_s of a call that does nothing
    quit
"""

import gc
import json
import os
import signal
import sys
import traceback
from typing import IO, Any, Callable, Dict, List, Optional

from sis_agent import child, clock, runners
from sis_agent.protocol import ProblemError
from sis_agent.runners.base import Runner, Session, Tensors, none, outside
from sis_agent.runners.inputs import piece
from sis_agent.runners.null import nothing
from sis_agent.schema import Preprocess, Problem, TimedCall, to_json
from sis_agent.worker import memory
from sis_agent.worker.costs import CostMeter
from sis_agent.worker.sustain import sustain
from sis_agent.worker.warmup import warm_up

Step = Callable[[], Any]
Timer = Callable[[int], List[float]]


def time_steps(step: Step, count: int, meter: Optional[CostMeter] = None) -> List[float]:
    """Latencies in seconds of `count` calls; nothing else happens between two looks at the clock.

    The garbage collector is off meanwhile, and nothing is allocated but the stamps themselves. `meter` reads what the
    calls together cost, before the first and after the last.
    """
    now = clock.now
    ticks: List[clock.Ticks] = [0] * count
    collecting = gc.isenabled()
    gc.disable()
    try:
        if meter is not None:
            meter.begin()
        for index in range(count):
            start = now()
            step()
            ticks[index] = now() - start
        if meter is not None:
            meter.end()
    finally:
        if collecting:
            gc.enable()
    return [tick / clock.TICKS_PER_S for tick in ticks]


def count_steps(step: Step, time_s: float) -> Dict[str, Any]:
    """Call back to back for `time_s`, and for no less than one call: start and end in seconds, and the count."""
    now = clock.now
    collecting = gc.isenabled()
    gc.disable()
    try:
        count = 0
        start = now()
        end, last = start + time_s * clock.TICKS_PER_S, start
        while last < end or not count:
            step()
            count += 1
            last = now()
    finally:
        if collecting:
            gc.enable()
    return {"start_s": start / clock.TICKS_PER_S, "end_s": last / clock.TICKS_PER_S, "inferences": count}


def pin(cores: List[int]) -> None:
    """Keep this process and the threads that it will start on these cores; none given: wherever the system likes."""
    if not cores:
        return
    try:
        os.sched_setaffinity(0, cores)
    except OSError as error:
        raise ProblemError(
            "bad-cores", "the worker cannot be pinned to the cores {} ({})".format(cores, error.strerror)
        )


class Worker:
    """The networks that this process holds."""

    def __init__(self, start: Dict[str, Any], progress: Callable[[Dict[str, Any]], None]) -> None:
        pin(start["cores"])  # before the runtime is imported, so that its threads are pinned too
        self._batch_size = start["batch_size"]
        self._runners = {name: runners.make(name, start["threads"], self._batch_size) for name in start["runners"]}  # type: Dict[str, Runner]
        how = start["preprocess"]
        self._preprocess = Preprocess([], []) if how is None else Preprocess(**how)
        self._progress = progress
        self._sessions: Dict[str, Session] = {}
        self._steps: Dict[str, Step] = {}
        self._timers: Dict[str, Timer] = {}
        self._computes: Dict[str, bool] = {}
        self._tensors: Dict[str, Tensors] = {}

    def started(self) -> Dict[str, Any]:
        """What is known before any network is loaded: the baseline has the runtime imported and nothing more."""
        details = {name: dict(runner.details(), on_gpu=runner.on_gpu) for name, runner in self._runners.items()}
        return {"runner_details": details, "baseline_rss_bytes": memory.read().rss_bytes}

    def prepare(self, model: str, options: Dict[str, Any], runner: str, inputs: Optional[str]) -> None:
        """Make what the network needs on this board before it can be loaded."""
        runtime = self._runners[runner]
        if inputs is None:
            runtime.prepare(model, options, self._progress)
        else:
            runtime.prepare_tensors(model, options, self._load_tensors(runtime, inputs), self._progress)

    def load(
        self,
        name: str,
        model: str,
        golden_inputs: Optional[str],
        options: Dict[str, Any],
        runner: str,
        inputs: Optional[str],
    ) -> Dict[str, Any]:
        """Load a network and prepare the batch that is timed: images, or its own tensors as they are."""
        runtime = self._runners[runner]
        tensors = None if inputs is None else self._load_tensors(runtime, inputs)
        start_s = clock.now_s()
        session = runtime.load(model, options) if tensors is None else runtime.load_tensors(model, options, tensors)
        load_s = clock.now_s() - start_s
        batch: Any = None
        if tensors is not None:
            self._tensors[name] = tensors
            batch = piece(tensors, 0, session.rows)
        elif runtime.computes and golden_inputs is not None:
            from sis_agent.worker import checks

            batch = checks.timing_batch(checks.load_array(golden_inputs), self._batch_size, self._preprocess)
        self._computes[name] = runtime.computes
        self._sessions[name] = session
        self._steps[name] = step = session.step(batch)
        self._timers[name] = lambda count: time_steps(step, count)
        if session.times_itself:
            self._timers[name] = session.timer(batch)
        return {"load_s": load_s}

    def details(self, name: str) -> Dict[str, Any]:
        """What the runner reports of a network."""
        return self._sessions[name].details()

    def timed_call(self, name: str) -> Optional[TimedCall]:
        """What stands inside the timed call; what comes before and behind it is prepared here, whatever the runtime."""
        declared = self._sessions[name].timed_call()
        if declared is None:
            return None
        if name in self._tensors:
            before, behind = none("tensors are given as they are"), none("outputs are taken as they are")
        elif self._computes[name]:
            before = outside("images become normalised float32 before the clock starts")
            behind = none("outputs are logits: no softmax, no argmax")
        else:
            before = behind = none("nothing is computed")
        return declared._replace(preprocessing=before, postprocessing=behind)

    def first(self, name: str) -> Dict[str, Any]:
        """One inference; raises the problem `bad-inputs` where the runtime cannot run a network with its tensors."""
        try:
            return {"latency_s": self._timers[name](1)[0]}
        except (ProblemError, MemoryError):
            raise
        except Exception as error:  # a runtime raises classes of its own
            if not self._tensors.get(name):
                raise
            from sis_agent.worker import tensors

            traceback.print_exc()
            raise ProblemError("bad-inputs", tensors.cannot_run(name, self._tensors[name], error))

    def memory(self) -> Dict[str, Any]:
        """Resident bytes now and at most; None where a network runs in processes of its own."""
        if all(session.in_process for session in self._sessions.values()):
            return memory.read()._asdict()
        return memory.ProcessMemory(None, None)._asdict()

    def golden(self, name: str, images: str, logits: str, tolerance: float) -> Any:
        """The golden check."""
        if not self._computes[name]:
            return None
        from sis_agent.worker import checks

        inputs, reference = checks.load_array(images), checks.load_array(logits)
        return checks.golden_check(self._sessions[name], inputs, reference, tolerance, self._preprocess)

    def infer(self, model: str, options: Dict[str, Any], runner: str, images: str) -> Any:
        """Logits of images, a list for each; None where the runtime computes no outputs."""
        runtime = self._runners[runner]
        if not runtime.computes:
            return None
        from sis_agent.worker import checks

        session = runtime.load(model, options)
        return checks.logits(session, checks.load_array(images), self._preprocess).tolist()

    def accuracy(self, name: str, images: str, labels: str) -> Any:
        """Top-1 on the test images, with progress."""
        if not self._computes[name]:
            return None
        from sis_agent.worker import checks

        return checks.accuracy(
            self._sessions[name],
            checks.load_array(images),
            checks.load_array(labels),
            self._preprocess,
            lambda done, of: self._progress({"done": done, "of": of}),
        )

    def outputs(self, name: str, expected: str, tolerance: float, relative_tolerance: float) -> Any:
        """The golden check of a network with inputs of its own."""
        if not self._computes[name]:
            return None
        from sis_agent.worker import tensors

        reference = tensors.load(expected)
        outputs = tensors.infer(self._sessions[name], self._tensors[name])
        return tensors.golden_check(
            outputs, reference, tensors.rows(self._tensors[name]), tolerance, relative_tolerance
        )

    def labelled(self, name: str, labels: str) -> Any:
        """Top-1 and top-5 of a network with inputs of its own."""
        if not self._computes[name]:
            return None
        from sis_agent.worker import checks, tensors

        outputs = tensors.infer(self._sessions[name], self._tensors[name])
        counted = tensors.accuracy(outputs, checks.load_array(labels))
        self._progress({"done": counted.images, "of": counted.images})
        return counted

    @staticmethod
    def _load_tensors(runtime: Runner, path: str) -> Tensors:
        if not runtime.computes:
            return {}
        from sis_agent.worker import tensors

        return tensors.load(path)

    def warm_up(self, name: str, at_least_s: float) -> Dict[str, Any]:
        """Run until steady."""
        return warm_up(self._timers[name], at_least_s)._asdict()

    def run(self, name: str, inferences: int) -> Dict[str, Any]:
        """One turn. An inference before it is not counted: it finds the caches full of another network."""
        session, meter = self._sessions[name], CostMeter()
        session.device_latencies_s()  # forgets those before
        if session.times_itself:
            start_s = clock.now_s()  # its process warms up by itself, and what that costs is not known here
            latencies_s = self._timers[name](inferences)
        else:
            self._steps[name]()
            start_s = clock.now_s()
            latencies_s = time_steps(self._steps[name], inferences, meter)
        device_s = session.device_latencies_s()[-inferences:]
        return {"start_s": start_s, "latencies_s": latencies_s, "device_latencies_s": device_s, "costs": meter.costs}

    def run_for(self, name: str, time_s: float) -> Optional[Dict[str, Any]]:
        """Back to back for its energy; an inference before it is not counted. None where each would be a process."""
        if self._sessions[name].times_itself:
            return None
        step = self._steps[name]
        step()
        return count_steps(step, time_s)

    def sustain(self, name: str, time_s: float, window_s: float, rate_hz: Optional[float]) -> bool:
        """At work for so long, each window told as progress; False where each inference would be a process."""
        if self._sessions[name].times_itself:
            return False
        step = self._steps[name]
        step()
        sustain(step, time_s, window_s, rate_hz, self._progress)
        return True

    def harness(self, inferences: int) -> Dict[str, Any]:
        """The cost of the measuring itself."""
        return {"latencies_s": time_steps(nothing, inferences)}


def serve(lines: IO[str], replies: IO[str]) -> None:
    """Answer commands until `quit` or the end of the input."""

    def send(value: Dict[str, Any]) -> None:
        replies.write(json.dumps(to_json(value)) + "\n")
        replies.flush()

    worker = None
    for line in lines:
        command = json.loads(line)
        action = command.pop("do")
        if action == "quit":
            return
        try:
            if worker is None:
                worker = Worker(command, lambda progress: send({"progress": progress}))
                send({"reply": worker.started()})
            else:
                send({"reply": getattr(worker, action)(**command)})
        except ProblemError as error:
            send({"problem": error.problem})
        except MemoryError:
            send({"problem": Problem("out-of-memory", "the board ran out of memory at '{}'".format(action))})
        except Exception as error:  # a runtime raises classes of its own
            traceback.print_exc()
            text = (str(error).splitlines() or [""])[0]
            message = "{} failed: {} ({}); the job's log.txt has more".format(action, text, type(error).__name__)
            send({"problem": Problem(action.replace("_", "-") + "-failed", message)})


def main() -> int:
    """Serve on standard input and output.

    The replies keep the real standard output for themselves: descriptor 1 then points at standard error, so that
    what native libraries print cannot break a line.
    """
    child.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the job's to handle
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, replies)
    return 0
