"""One engine with its buffers: allocated once, one stream, GPU time from events next to the host's."""

from typing import Any, Callable, Dict, List, Optional, Tuple

from sis_agent.cuda.base import CudaDriver, CudaError
from sis_agent.protocol import ProblemError
from sis_agent.runners.base import HOST_CLOCK, Session, inside, outside
from sis_agent.runners.tensorrt.build import INPUT, LOGITS
from sis_agent.runners.tensorrt.dialects import Dialect, Tensor
from sis_agent.runners.tensorrt.layers import layer_times
from sis_agent.runners.tensorrt.tensors import TYPES, tensor_shapes
from sis_agent.schema import TimedCall

# Pairs of events, used in turn: the GPU times of that many steps are kept until they are read. Reading each at once
# would come between two inferences.
EVENT_PAIRS = 1024
COPIES = 50


class TensorRtSession(Session):
    """An engine for batches of one size; `owners` are kept alive as long as its context."""

    def __init__(
        self, owners: Tuple[Any, ...], context: Any, dialect: Dialect, driver: CudaDriver, batch_size: int
    ) -> None:
        self._owners = owners
        self._dialect = dialect
        self._context = context
        self._driver = driver
        self._stream = driver.stream()
        tensors = dialect.tensors(owners[-1])
        shapes = self._fixed_shapes(context, tensors, batch_size)
        self._shapes = shapes
        self._batch_size = batch_size
        self._inputs = [tensor.name for tensor in tensors if tensor.is_input]
        self._outputs = [tensor.name for tensor in tensors if not tensor.is_input]
        types = {tensor.name: TYPES[tensor.dtype] for tensor in tensors}
        # An empty output needs an address too.
        self._bytes = {name: max(1, _size(types[name]) * _count(shape)) for name, shape in shapes.items()}
        self._device = {name: driver.allocate(size) for name, size in self._bytes.items()}
        self._host = {name: driver.allocate_pinned(size) for name, size in self._bytes.items()}
        self._arrays = {name: _array(self._host[name], shape, types[name]) for name, shape in shapes.items()}
        self._enqueue = dialect.enqueue(context, tensors, self._device, driver.stream_handle(self._stream))
        self._events: List[Tuple[Any, Any]] = []
        self._steps = self._reported = 0
        self._batch: Any = None
        self._notes: Dict[str, Any] = {}

    def note(self, **facts: Any) -> None:
        """Remember facts for `details`."""
        self._notes.update(facts)

    def infer(self, images: Any) -> Any:
        """Logits of images, a batch at a time; the last batch is filled up with its own last image."""
        import numpy

        size = self._shapes[INPUT][0]
        logits = []
        for start in range(0, len(images), size):
            piece = images[start : start + size]
            array = self._arrays[INPUT]
            array[: len(piece)] = piece
            array[len(piece) :] = piece[-1]
            self._infer()
            logits.append(self._arrays[LOGITS][: len(piece)].copy())
        if self._batch is not None:  # the steps go on with their own batch
            self._put(self._batch)
        return numpy.concatenate(logits)

    def step(self, batch: Any) -> Callable[[], Any]:
        """One inference of a batch that is on the device: enqueued between two events, and waited for."""
        self._batch = batch
        self._put(batch)
        if not self._events:
            self._events = [(self._driver.event(), self._driver.event()) for _ in range(EVENT_PAIRS)]
            self.note(copies=self._copy_times())
        driver, stream, events = self._driver, self._stream, self._events
        record, run, synchronize = driver.record, self._run, driver.synchronize

        def step() -> None:
            start, end = events[self._steps % EVENT_PAIRS]
            record(start, stream)
            run()
            record(end, stream)
            synchronize(stream)
            self._steps += 1

        return step

    def device_latencies_s(self) -> List[float]:
        """GPU time of the steps since the last call, of the last EVENT_PAIRS of them where there were more."""
        first = max(self._reported, self._steps - EVENT_PAIRS)
        pairs = [self._events[index % EVENT_PAIRS] for index in range(first, self._steps)]
        self._reported = self._steps
        return [self._driver.elapsed_s(start, end) for start, end in pairs]

    def details(self) -> Dict[str, Any]:
        """The engine, its build, its memory, the copies, and the time of each layer, which is profiled now."""
        if "layer_times_s" not in self._notes:
            times_s, reason = layer_times(self._dialect, self._owners[-1], self._ready)
            self.note(layer_times_s=times_s or None, layer_times_reason=reason or None)
        return dict(self._notes)

    def timed_call(self) -> Optional[TimedCall]:
        """As `step` has it: buffers stay on the device, and the host waits for the stream."""
        return TimedCall(
            "enqueue and wait",
            HOST_CLOCK,
            input_copy=outside("on the device before the clock starts"),
            output_copy=outside("stay on the device"),
            synchronisation=inside("the host waits for the stream"),
            call_overhead=inside("one Python call: two events, enqueue, wait"),
        )

    def _ready(self, context: Any) -> Callable[[], None]:
        """Another context of the engine on the same buffers: the call that runs one inference and waits for it."""
        tensors = self._dialect.tensors(self._owners[-1])
        self._fixed_shapes(context, tensors, self._batch_size)
        enqueue = self._dialect.enqueue(context, tensors, self._device, self._driver.stream_handle(self._stream))

        def run() -> None:
            _check(enqueue())
            self._driver.synchronize(self._stream)

        return run

    def _put(self, batch: Any) -> None:
        self._fill(batch)
        self._copy_in()
        self._driver.synchronize(self._stream)

    def _fill(self, batch: Any) -> None:
        self._arrays[INPUT][:] = batch

    def _fixed_shapes(self, context: Any, tensors: List[Tensor], batch_size: int) -> Dict[str, Tuple[int, ...]]:
        return _shapes(self._dialect, context, tensors, batch_size)

    def _infer(self) -> None:
        """One inference of what is in the host's input arrays; its outputs are in the host's output arrays."""
        self._copy_in()
        self._run()
        self._copy_out()
        self._driver.synchronize(self._stream)

    def _copy_in(self) -> None:
        for name in self._inputs:
            self._driver.copy_to_device(self._device[name], self._host[name], self._bytes[name], self._stream)

    def _copy_out(self) -> None:
        for name in self._outputs:
            self._driver.copy_to_host(self._host[name], self._device[name], self._bytes[name], self._stream)

    def _run(self) -> None:
        _check(self._enqueue())

    def _copy_times(self) -> Dict[str, List[float]]:
        """GPU time of copies of the inputs to the device and of the outputs back, each on its own."""
        driver, stream, (start, end) = self._driver, self._stream, self._events[0]
        times_s: Dict[str, List[float]] = {}
        for name, copy in (("to_device_s", self._copy_in), ("to_host_s", self._copy_out)):
            times_s[name] = []
            for _ in range(COPIES):
                driver.record(start, stream)
                copy()
                driver.record(end, stream)
                driver.synchronize(stream)
                times_s[name].append(driver.elapsed_s(start, end))
        return times_s


class TensorRtTensorSession(TensorRtSession):
    """An engine for inputs of any names, shapes and types; `given` are the tensors that it is run with."""

    def __init__(self, owners: Tuple[Any, ...], context: Any, dialect: Dialect, driver: CudaDriver, given: Any) -> None:
        self._given = given
        super().__init__(owners, context, dialect, driver, 1)

    def infer(self, images: Any) -> Any:
        """Every output by name."""
        self._fill(images)
        self._infer()
        outputs = {name: self._arrays[name].copy() for name in self._outputs}
        if self._batch is not None:  # the steps go on with their own tensors
            self._put(self._batch)
        return outputs

    def _fill(self, batch: Any) -> None:
        for name in self._inputs:
            self._arrays[name][...] = batch[name]

    def _fixed_shapes(self, context: Any, tensors: List[Tensor], batch_size: int) -> Dict[str, Tuple[int, ...]]:
        return tensor_shapes(self._dialect, context, tensors, self._given)


def _shapes(dialect: Dialect, context: Any, tensors: List[Any], batch_size: int) -> Dict[str, Tuple[int, ...]]:
    """Every tensor's shape at this batch size; raises ProblemError `bad-engine`."""
    shapes: Dict[str, Tuple[int, ...]] = {}
    for tensor in tensors:
        # float32 on both sides: inside, TensorRT computes as it was built.
        if tensor.name not in (INPUT, LOGITS) or tensor.dtype != "FLOAT":
            raise ProblemError(
                "bad-engine", "the engine has a tensor '{}' of {}; build it again".format(tensor.name, tensor.dtype)
            )
        if tensor.is_input:
            shapes[tensor.name] = (batch_size, *tensor.shape[1:])
            if -1 in tensor.shape and not dialect.set_input_shape(context, tensors, tensor.name, shapes[tensor.name]):
                raise ProblemError("bad-engine", "the engine does not take batches of {}".format(batch_size))
    for tensor in tensors:
        if not tensor.is_input:
            shapes[tensor.name] = dialect.output_shape(context, tensors, tensor.name)
    return shapes


def _check(is_enqueued: Optional[bool]) -> None:
    if not is_enqueued:
        raise CudaError("TensorRT could not enqueue the inference; the job's log.txt has its reasons")


def _count(shape: Tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _size(dtype: str) -> int:
    import numpy

    return int(numpy.dtype(dtype).itemsize)


def _array(address: int, shape: Tuple[int, ...], dtype: str) -> Any:
    """A numpy view of page-locked memory."""
    import ctypes

    import numpy

    memory: Any = (ctypes.c_uint8 * (_size(dtype) * _count(shape))).from_address(address)
    return numpy.frombuffer(memory, dtype=dtype).reshape(shape)
