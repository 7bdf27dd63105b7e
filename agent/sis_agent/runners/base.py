"""What every runner can do: load a network, infer, and give the bare call that is timed."""

from typing import Any, Callable, Dict, List, Optional, Sequence

from sis_agent.protocol import ProblemError
from sis_agent.schema import TimedCall, TimedPart

OnProgress = Callable[[Dict[str, Any]], None]
# An input by its name, a numpy array of the type and shape that the network is run with.
Tensors = Dict[str, Any]

# Where a part of an inference is, as `TimedPart.where` has it.
INSIDE = "inside"
OUTSIDE = "outside"
NONE = "none"
# Whose clock gave the latencies, as `TimedCall.clock` has it.
HOST_CLOCK = "host"
RUNTIME_CLOCK = "runtime"


def inside(how: str) -> TimedPart:
    """A part of the timed call."""
    return TimedPart(INSIDE, how)


def outside(how: str) -> TimedPart:
    """A part that is done, but not timed."""
    return TimedPart(OUTSIDE, how)


def none(how: str) -> TimedPart:
    """A part that there is not, and why."""
    return TimedPart(NONE, how)


class Session:
    """One loaded network. `times_itself` is True for a runtime that has its own clock and no single calls to time.

    `in_process` is False where each turn is a process of its own: the worker's memory says nothing of the network.
    Of `Runner.load` it takes images, of `Runner.load_tensors` tensors by name wherever `batch` or `images` stands here.
    """

    times_itself = False
    in_process = True
    # Rows that one inference of tensors takes, where the network fixes that and more are given; None: all.
    rows: Optional[int] = None

    def infer(self, images: Any) -> Any:
        """Logits float32 [N, classes] of preprocessed images, float32 [N, 3, height, width].

        For tensors by name: every output by name, in the network's order.
        """
        raise NotImplementedError

    def step(self, batch: Any) -> Callable[[], Any]:
        """The call that runs one inference of `batch` and nothing else: it is what is timed."""
        raise NotImplementedError

    def timer(self, batch: Any) -> Callable[[int], List[float]]:
        """Where it times itself: the call that gives the latencies [s] of as many inferences of `batch`."""
        raise NotImplementedError

    def device_latencies_s(self) -> List[float]:
        """The steps since the last call by the device's own clock; empty where it has none."""
        return []

    def details(self) -> Dict[str, Any]:
        """What to record of this network in addition to its latencies, as JSON."""
        return {}

    def timed_call(self) -> Optional[TimedCall]:
        """What stands inside the call that is timed; None: not declared.

        What is done with images before it and with scores behind it is the worker's to say.
        """
        return None


def known_options(options: Dict[str, Any], known: Sequence[str]) -> None:
    """Raise the problem `bad-option` for an option that a runner does not know."""
    for name in options:
        if name not in known:
            text = ", ".join(known) or "none"
            raise ProblemError("bad-option", "unknown option '{}'; known: {}".format(name, text))


def ignore(progress: Dict[str, Any]) -> None:
    """The `on_progress` of a caller that shows nothing."""


class Runner:
    """One runtime. `computes` is False for one whose outputs mean nothing, so that nothing checks them.

    `on_gpu` says where networks run; it is recorded as `runner_details["on_gpu"]`.
    """

    computes = True
    on_gpu = False

    def details(self) -> Dict[str, Any]:
        """Versions and settings for the record; `simulated` is true where a stand-in plays the runtime."""
        raise NotImplementedError

    def prepare(self, model_path: str, options: Dict[str, Any], on_progress: OnProgress = ignore) -> None:
        """What a network needs once on a board before it can be loaded, such as an engine; `load` does it if need be.

        Apart from `load` so that the load time is that of loading. Raises as `load` does.
        """

    def load(self, model_path: str, options: Dict[str, Any]) -> Session:
        """Load a network; `options` are the job's for it, of names that the runner documents.

        Raises ProblemError when this runtime cannot take the network or does not know an option.
        """
        raise NotImplementedError

    def prepare_tensors(
        self, model_path: str, options: Dict[str, Any], tensors: Tensors, on_progress: OnProgress = ignore
    ) -> None:
        """As `prepare`, for a network with any inputs: numpy arrays by name, of the shapes that it is run with."""

    def load_tensors(self, model_path: str, options: Dict[str, Any], tensors: Tensors) -> Session:
        """As `load`, for a network with any inputs. A runner that knows images only leaves it as it is.

        Raises ProblemError as `load` does, and `bad-inputs` for tensors that are not the network's.
        """
        raise ProblemError(
            "bad-model", "this runner takes networks with images as input only; use another for {}".format(model_path)
        )
