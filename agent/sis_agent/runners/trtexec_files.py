"""What trtexec writes: the times of its inferences, and the outputs of a network. Both are JSON as C++ streams it."""

from typing import Any, Dict, List

from sis_agent.protocol import ProblemError
from sis_agent.runners import streamed_json

LOGITS = "logits"
LONGEST_MS = 1e9


def parse_times(text: str) -> List[Dict[str, float]]:
    """Seconds of compute and of copies, a dict an inference; TensorRT 8 says in and out, later ones h2d and d2h.

    They are the tool's own durations. The difference of its stamps is none: it writes six digits, so a stamp 1.2 s
    behind the start is good to 10 us. Raises ProblemError `run-failed` for a compute time that is no time.
    """
    inferences: List[Dict[str, float]] = []
    traces = _read(text, "times")
    for trace in traces:
        times = {}
        for name, parts in (("compute_s", ["compute"]), ("to_device_s", ["h2d", "in"]), ("to_host_s", ["d2h", "out"])):
            known = [trace[part + "Ms"] for part in parts if part + "Ms" in trace]
            if known and _is_time(known[0]):
                times[name] = known[0] * 1e-3
        if not times.get("compute_s"):
            message = "trtexec gives no compute time for inference {} of {} (computeMs: {})"
            raise ProblemError(
                "run-failed", message.format(len(inferences) + 1, len(traces), trace.get("computeMs", "missing"))
            )
        inferences.append(times)
    return inferences


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < LONGEST_MS


def parse_logits(text: str, images: int) -> Any:
    """Logits float32 [images, classes] of `--exportOutput`; NaN and infinity are the golden check's to judge.

    Raises ProblemError `run-failed` for a file that cannot be read, `bad-model` for one without logits.
    """

    for tensor in _read(text, "output"):
        if tensor.get("name") == LOGITS:
            values = _floats(tensor)
            if len(values) == 0 or len(values) % images:
                message = "trtexec gives {} logits for {} images; the job's log.txt may say why"
                raise ProblemError("run-failed", message.format(len(values), images))
            return values.reshape(images, -1)
    raise ProblemError("bad-model", "the engine has no output '{}'; build the bundle again".format(LOGITS))


def parse_outputs(text: str) -> Dict[str, Any]:
    """Every output of `--exportOutput` by name, in its shape; raises ProblemError `run-failed`.

    The tool writes numbers without their type, so all are float32 here.
    """

    outputs = {}
    for tensor in _read(text, "output"):
        try:
            sizes = [int(size) for size in tensor["dimensions"].split("x") if size]
            outputs[str(tensor["name"])] = _floats(tensor).reshape(sizes)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise ProblemError("run-failed", "trtexec's output cannot be read ({})".format(error))
    if not outputs:
        raise ProblemError("run-failed", "trtexec gives no output; the job's log.txt may say why")
    return outputs


def _floats(tensor: Dict[str, Any]) -> Any:
    """The values of an output, float32 [N]; raises ProblemError `run-failed` for what are no numbers."""
    import numpy

    try:
        with numpy.errstate(over="ignore"):  # what float32 cannot hold is infinite there too
            return numpy.asarray(tensor["values"], dtype=numpy.float32).reshape(-1)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise ProblemError("run-failed", "trtexec's output cannot be read ({})".format(error))


def _read(text: str, what: str) -> List[Dict[str, Any]]:
    """A list of objects that the tool has written; raises ProblemError `run-failed` for anything else."""
    try:
        entries = streamed_json.loads(text)
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
            return entries
        reason = "no list of objects"
    except ValueError as error:
        reason = str(error) if text else "the file is empty or missing"
    raise ProblemError("run-failed", "trtexec's {} cannot be read ({}); is the board's disk full?".format(what, reason))
