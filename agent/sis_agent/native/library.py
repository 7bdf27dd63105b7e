"""The library of sparse kernels from Python, for the host and for the board.

Images and outputs are writable buffers of float32 in C order: numpy arrays, `array.array("f")`, ctypes arrays.
"""

import ctypes
import os
from typing import Any

INTERFACE_VERSION = 2
MESSAGE_BYTES = 256
MOST_STAGES = 4096


class LibraryError(Exception):
    """A library or a blob that cannot be used; the text says why."""


class Library:
    """One loaded library; raises LibraryError where it is not one, or has another version or processor."""

    def __init__(self, path: "str | os.PathLike[str]") -> None:
        self.path = os.path.abspath(os.fspath(path))
        try:
            c = ctypes.CDLL(self.path)
            version = int(c.sis_interface_version())
        except (OSError, AttributeError) as error:
            raise LibraryError("{} is not a sis-edge library for this processor: {}".format(path, error)) from None
        if version != INTERFACE_VERSION:
            raise LibraryError("{} has interface {}, and must have {}".format(path, version, INTERFACE_VERSION))
        size, text, floats = ctypes.c_size_t, ctypes.c_char_p, ctypes.POINTER(ctypes.c_float)
        c.sis_instruction_set.restype, c.sis_instruction_set.argtypes = text, [size]
        c.sis_peak_flops.restype, c.sis_peak_flops.argtypes = ctypes.c_double, [text]
        c.sis_chain_create.restype = ctypes.c_void_p
        c.sis_chain_create.argtypes = [text, size, text, text, size]
        c.sis_chain_destroy.restype, c.sis_chain_destroy.argtypes = None, [ctypes.c_void_p]
        c.sis_chain_shape.restype = None
        c.sis_chain_shape.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int64)]
        c.sis_chain_run.argtypes = [ctypes.c_void_p, floats, floats, size, size]
        c.sis_chain_profile.argtypes = [
            ctypes.c_void_p,
            floats,
            floats,
            size,
            ctypes.POINTER(ctypes.c_double),
            ctypes.POINTER(ctypes.c_int32),
            size,
        ]
        c.sis_set_threads.restype, c.sis_set_threads.argtypes = None, [size]
        self.c = c

    def instruction_sets(self) -> "list[str]":
        """Those that this processor runs, the fastest first."""
        names: list[str] = []
        while True:
            name = self.c.sis_instruction_set(len(names))
            if name is None:
                return names
            names.append(name.decode())

    def int8_instruction_sets(self) -> "list[str]":
        """The same for chains in INT8; empty where the library is of a time before there were any."""
        return self._names("sis_int8_instruction_set")

    def half_instruction_sets(self) -> "list[str]":
        """The same for chains in half precision; those but neon-fp16 run only where they are named."""
        return self._names("sis_half_instruction_set")

    def _names(self, function: str) -> "list[str]":
        names: list[str] = []
        try:
            find = getattr(self.c, function)
        except AttributeError:
            return names
        find.restype, find.argtypes = ctypes.c_char_p, [ctypes.c_size_t]
        while True:
            name = find(len(names))
            if name is None:
                return names
            names.append(name.decode())

    def int8_rate(self, instruction_set: str) -> float:
        """Most multiply-accumulate operations of INT8 per second of one core, measured on registers."""
        self.c.sis_int8_peak_macs.restype, self.c.sis_int8_peak_macs.argtypes = ctypes.c_double, [ctypes.c_char_p]
        return float(self.c.sis_int8_peak_macs(instruction_set.encode()))

    def peak_flops(self, instruction_set: str) -> float:
        """Most floating-point operations per second of one core, measured on registers; a multiply-add is two."""
        return float(self.c.sis_peak_flops(instruction_set.encode()))

    def set_threads(self, threads: int) -> None:
        """Threads of operators in ONNX Runtime before 1.17, which lends none; later releases use the session's."""
        self.c.sis_set_threads(threads)

    def chain(self, blob: bytes, instruction_set: str = "") -> "Chain":
        """A chain from its blob for one instruction set (none named: the fastest); raises LibraryError."""
        return Chain(self, blob, instruction_set)


class Chain:
    """One chain of layers; use it in a `with` block, or close it."""

    def __init__(self, library: Library, blob: bytes, instruction_set: str = "") -> None:
        self._c = library.c
        message = ctypes.create_string_buffer(MESSAGE_BYTES)
        name = instruction_set.encode() or None
        self._handle = self._c.sis_chain_create(blob, len(blob), name, message, MESSAGE_BYTES)
        if not self._handle:
            raise LibraryError(message.value.decode(errors="replace"))
        shape = (ctypes.c_int64 * 6)()
        self._c.sis_chain_shape(self._handle, shape)
        self.input_shape = tuple(shape[:3])
        self.output_shape = tuple(shape[3:])

    def run(self, images: Any, outputs: Any, batch: int = 1, threads: int = 1) -> None:
        """Compute `batch` images [batch, *input_shape] into `outputs` [batch, *output_shape]."""
        source = _floats(images, batch, self.input_shape)
        target = _floats(outputs, batch, self.output_shape)
        if self._c.sis_chain_run(self._handle, source, target, batch, threads):
            raise MemoryError("no memory to run the chain")

    def profile(self, images: Any, outputs: Any, threads: int = 1) -> "list[tuple[int, float]]":
        """One image on `threads` threads of the chain's own: the layer and the seconds of each stage."""
        seconds, layers = (ctypes.c_double * MOST_STAGES)(), (ctypes.c_int32 * MOST_STAGES)()
        source, target = _floats(images, 1, self.input_shape), _floats(outputs, 1, self.output_shape)
        stages = self._c.sis_chain_profile(self._handle, source, target, threads, seconds, layers, MOST_STAGES)
        if stages < 0:
            raise MemoryError("no memory to run the chain")
        return [(int(layers[stage]), float(seconds[stage])) for stage in range(stages)]

    def scratch_bytes(self) -> int:
        """Memory that one run takes for maps between layers."""
        find = self._c.sis_chain_scratch_bytes
        find.restype, find.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
        return int(find(self._handle))

    def close(self) -> None:
        """Give the chain's memory back."""
        self._c.sis_chain_destroy(self._handle)
        self._handle = None

    def __enter__(self) -> "Chain":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _floats(buffer: Any, batch: int, shape: "tuple[int, ...]") -> Any:
    channels, height, width = shape
    wanted = batch * channels * height * width
    view = memoryview(buffer)
    if view.format not in ("f", "<f") or view.nbytes != 4 * wanted or not view.c_contiguous:
        raise ValueError("a buffer of {} float32 in C order is wanted".format(wanted))
    return (ctypes.c_float * wanted).from_buffer(buffer)
