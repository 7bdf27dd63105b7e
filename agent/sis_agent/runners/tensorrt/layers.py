"""How long each layer of an engine takes, in a pass of its own: being profiled slows an inference down."""

from typing import Any, Callable, Dict, List, Tuple

from sis_agent.cuda.base import CudaError
from sis_agent.protocol import ProblemError
from sis_agent.runners.tensorrt.dialects import Dialect

WARM_UPS = 5
INFERENCES = 20


def layer_times(
    dialect: Dialect, engine: Any, use: Callable[[Any], Callable[[], None]]
) -> Tuple[Dict[str, List[float]], str]:
    """Seconds of each layer in every profiled inference, by TensorRT's name of it, and the reason where there are none.

    `use(context)` makes a context of this engine ready and gives the call that runs one inference and waits for it. The
    context is one of its own, so that the one that is timed never has a profiler.
    """
    times_s: Dict[str, List[float]] = {}
    if not hasattr(dialect.trt, "IProfiler"):
        return times_s, "this TensorRT has no profiler"

    class Profiler(dialect.trt.IProfiler):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            dialect.trt.IProfiler.__init__(self)

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            times_s.setdefault(layer_name, []).append(ms / 1e3)

    context = engine.create_execution_context()
    if context is None:
        return times_s, "TensorRT has no memory for a second context"
    context.profiler = profiler = Profiler()  # the context does not keep it alive
    try:
        run = use(context)
        for _ in range(WARM_UPS):
            run()
        times_s.clear()
        for _ in range(INFERENCES):
            run()
    except (CudaError, ProblemError) as error:
        return {}, "an inference with the profiler failed: {}".format(error)
    finally:
        del context, profiler
    return times_s, "" if times_s else "the profiler reported nothing"
