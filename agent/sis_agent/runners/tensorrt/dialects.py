"""TensorRT's three interfaces, distinguished by the names that are there, never by a version number.

bindings         8.2        tensors by index, `execute_async_v2`, `max_workspace_size`, precision flags
tensors          8.5 - 10   tensors by name, `execute_async_v3`, memory pools, precision flags
strongly-typed   11         as before, without precision flags: the ONNX alone says what is computed how
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

# Which builder flags a precision needs, where the dialect has such flags. An INT8 network's layers without Q/DQ
# nodes run in FP16.
PRECISION_FLAGS = {"fp32": (), "fp16": ("FP16",), "int8": ("INT8", "FP16")}  # type: Dict[str, Tuple[str, ...]]


class Tensor(NamedTuple):
    """An input or output of an engine; `shape` may hold -1 where the engine leaves it open."""

    name: str
    is_input: bool
    dtype: str
    shape: Tuple[int, ...]


class Dialect:
    """What the dialects share; `trt` is the TensorRT module."""

    name = ""

    def __init__(self, trt: Any) -> None:
        self.trt = trt

    def creation_flags(self) -> int:
        """Flags of `create_network`: explicit batch wherever it can be asked for."""
        flags = self.trt.NetworkDefinitionCreationFlag
        return 1 << int(flags.EXPLICIT_BATCH) if hasattr(flags, "EXPLICIT_BATCH") else 0

    def set_workspace(self, config: Any, size_bytes: int) -> None:
        """The most memory that a tactic may use."""
        config.set_memory_pool_limit(self.trt.MemoryPoolType.WORKSPACE, size_bytes)

    def workspace(self, config: Any) -> int:
        """The limit that is set."""
        return int(config.get_memory_pool_limit(self.trt.MemoryPoolType.WORKSPACE))

    def precision_flags(self, precision: str) -> Tuple[str, ...]:
        """Names of the builder flags for a precision."""
        return PRECISION_FLAGS[precision]

    def tensors(self, engine: Any) -> List[Tensor]:
        """The engine's inputs and outputs."""
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        return [
            Tensor(
                name,
                engine.get_tensor_mode(name) == self.trt.TensorIOMode.INPUT,
                engine.get_tensor_dtype(name).name,
                tuple(engine.get_tensor_shape(name)),
            )
            for name in names
        ]

    def set_input_shape(self, context: Any, tensors: List[Tensor], name: str, shape: Tuple[int, ...]) -> bool:
        """Fix an input's shape; False when TensorRT refuses."""
        return bool(context.set_input_shape(name, shape))

    def output_shape(self, context: Any, tensors: List[Tensor], name: str) -> Tuple[int, ...]:
        """An output's shape once the inputs' are fixed."""
        return tuple(context.get_tensor_shape(name))

    def enqueue(
        self, context: Any, tensors: List[Tensor], addresses: Dict[str, int], stream: int
    ) -> Callable[[], Optional[bool]]:
        """The call that puts one inference into the stream and gives False when TensorRT refuses."""
        for name, address in addresses.items():
            context.set_tensor_address(name, address)
        execute = context.execute_async_v3
        return lambda: bool(execute(stream))


class Tensors(Dialect):
    """TensorRT 8.5 to 10."""

    name = "tensors"


class StronglyTyped(Dialect):
    """TensorRT 11 and later."""

    name = "strongly-typed"

    def precision_flags(self, precision: str) -> Tuple[str, ...]:
        """None: there are no such flags."""
        return ()


class Bindings(Dialect):
    """TensorRT 8.2 of JetPack 4."""

    name = "bindings"

    def set_workspace(self, config: Any, size_bytes: int) -> None:
        """The most memory that a tactic may use."""
        config.max_workspace_size = size_bytes

    def workspace(self, config: Any) -> int:
        """The limit that is set."""
        return int(config.max_workspace_size)

    def tensors(self, engine: Any) -> List[Tensor]:
        """The engine's inputs and outputs, in the order of their bindings."""
        return [
            Tensor(
                engine.get_binding_name(index),
                engine.binding_is_input(index),
                engine.get_binding_dtype(index).name,
                tuple(engine.get_binding_shape(index)),
            )
            for index in range(engine.num_bindings)
        ]

    def set_input_shape(self, context: Any, tensors: List[Tensor], name: str, shape: Tuple[int, ...]) -> bool:
        """Fix an input's shape; False when TensorRT refuses."""
        return bool(context.set_binding_shape(_index(tensors, name), shape))

    def output_shape(self, context: Any, tensors: List[Tensor], name: str) -> Tuple[int, ...]:
        """An output's shape once the inputs' are fixed."""
        return tuple(context.get_binding_shape(_index(tensors, name)))

    def enqueue(
        self, context: Any, tensors: List[Tensor], addresses: Dict[str, int], stream: int
    ) -> Callable[[], Optional[bool]]:
        """The call that puts one inference into the stream and gives False when TensorRT refuses."""
        bindings = [addresses[tensor.name] for tensor in tensors]
        execute = context.execute_async_v2
        return lambda: bool(execute(bindings, stream))


def dialect_of(trt: Any) -> Dialect:
    """The dialect that this TensorRT speaks."""
    if not hasattr(trt.IExecutionContext, "set_tensor_address"):
        return Bindings(trt)
    if hasattr(trt.BuilderFlag, "FP16"):
        return Tensors(trt)
    return StronglyTyped(trt)


def _index(tensors: List[Tensor], name: str) -> int:
    return [tensor.name for tensor in tensors].index(name)
